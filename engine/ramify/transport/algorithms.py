"""Which algorithms we offer: OpenSSH's defaults without what rests on SHA-1; asyncssh alone would offer more.

Two deviations in order, none in strength. AES-GCM comes before ChaCha20-Poly1305: both are defaults of
OpenSSH, GCM is out of reach of the Terrapin attack by construction, and with AES in hardware it costs a
login 0.65 ms less. Post-quantum key exchange stays first although it costs 0.85 ms (both sides
together, measured): configurations hold secrets, and recorded traffic can be kept until it can be read.
"""

from collections.abc import Iterable

import asyncssh

from ramify.transport.known_hosts import Match

KEY_EXCHANGE = (
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
)
ENCRYPTION = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
MAC = (
    "umac-128-etm@openssh.com",
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "umac-128@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
SIGNATURE = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
CERTIFICATE = tuple(
    f"{name.removesuffix('@openssh.com')}-cert-v01@openssh.com"
    for name in (*SIGNATURE[:4], *SIGNATURE[6:], *SIGNATURE[4:6])
)


def supported(names: Iterable[str], available: Iterable[bytes]) -> list[str]:
    """Those that this asyncssh has: some need libraries that are not everywhere."""
    known = {name.decode() for name in available}
    return [name for name in names if name in known]


def host_keys(known: Match) -> list[str]:
    """Host key algorithms: those of keys that we know first, as ssh does, and then all the others.

    The others are asked for so that a host that shows another key is told from one that shows none.
    """
    certificates = CERTIFICATE if known.authorities else ()
    trusted = (name.decode() for key in known.trusted for name in key.sig_algorithms)
    wanted = (*certificates, *(name for name in trusted if name in SIGNATURE), *SIGNATURE)
    available = (*asyncssh.public_key.get_public_key_algs(), *asyncssh.public_key.get_certificate_algs())
    return supported(dict.fromkeys(wanted), available)
