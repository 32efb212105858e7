"""Ed25519: RFC 8032's own vectors, agreement with OpenSSL, and bytes that are no signature."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import ed25519

# RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd2"
            "5bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c38"
            "7b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a"
            "7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303d"
            "ca179c138ac17ad9bef1177331a704"
        ),
    ),
]
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEY = PRIVATE.public_key().public_bytes_raw()


def openssl(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_signatures_of_the_standard_are_valid(key: str, message: str, signature: str) -> None:
    assert ed25519.verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_what_openssl_signs_is_valid(seed: bytes, message: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = private.public_key().public_bytes_raw()

    assert ed25519.verify(key, message, private.sign(message))


@given(st.integers(0, 32 * 8 + 64 * 8 + 24 - 1))
def test_no_bit_of_key_message_and_signature_can_change(bit: int) -> None:
    whole = bytearray(KEY + PRIVATE.sign(b"abc") + b"abc")
    whole[bit // 8] ^= 1 << bit % 8

    assert not ed25519.verify(bytes(whole[:32]), bytes(whole[96:]), bytes(whole[32:96]))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=8), st.binary(min_size=64, max_size=64))
def test_of_any_bytes_openssl_says_the_same(key: bytes, message: bytes, signature: bytes) -> None:
    assert ed25519.verify(key, message, signature) == openssl(key, message, signature)


def small_order() -> list[bytes]:
    """Encodings of points of small order, canonical and not."""
    eight = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    numbers = [0, 1, P - 1, P, P + 1, int.from_bytes(bytes.fromhex(eight), "little")]
    numbers += [P - numbers[-1], 2]
    return [(number | sign << 255).to_bytes(32, "little") for number in numbers for sign in (0, 1)]


@pytest.mark.parametrize("key", small_order())
@pytest.mark.parametrize("first", small_order())
def test_points_of_small_order_are_taken_only_in_their_one_encoding(key: bytes, first: bytes) -> None:
    """S = 0 makes R = [-k]A: the corner where readings of the standard differ."""
    for message in (b"", b"a", b"b", b"c"):
        if ed25519.verify(key, message, first + bytes(32)):
            for point in (key, first):
                number = int.from_bytes(point, "little")
                assert number & ((1 << 255) - 1) < P
                assert number not in {1 | 1 << 255, P - 1 | 1 << 255}


@pytest.mark.parametrize("times", [1, 2, 7])
def test_the_scalar_of_a_signature_has_one_form(times: int) -> None:
    signature = PRIVATE.sign(b"abc")
    scalar = int.from_bytes(signature[32:], "little") + times * L

    assert not ed25519.verify(KEY, b"abc", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"\0", (2).to_bytes(32, "little"), b"\xff" * 32])
def test_what_is_no_key_signs_nothing(key: bytes) -> None:
    assert not ed25519.verify(key, b"abc", PRIVATE.sign(b"abc"))


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_what_has_not_the_size_of_a_signature_is_none(size: int) -> None:
    assert not ed25519.verify(KEY, b"abc", (PRIVATE.sign(b"abc") * 2)[:size])
