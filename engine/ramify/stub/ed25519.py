"""Ed25519 (RFC 8032): verify a signature, in about two milliseconds and with nothing but integers.

The strict reading, which is that of OpenSSH and OpenSSL: S is below the group's order, the key is a
canonical point, and [S]B - [k]A must encode to exactly the bytes of R. That is the equation without the
cofactor, and it takes no encoding of R but the canonical one. All that is handled here is public, so
nothing needs to take the same time for every input.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Tuple

    Point = Tuple[int, int, int, int]
    """(X, Y, Z, T) for x = X/Z, y = Y/Z, xy = T/Z."""
    Ready = Tuple[int, int, int, int]
    """A point made ready to be added: (Y - X, Y + X, 2Z, 2dT)."""

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_D2 = 2 * _D % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1
_MASK = (1 << 255) - 1
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
_WINDOW = 5  # bits of a digit; digits are odd, and smaller than 16 either way
_HALF = 1 << (_WINDOW - 1)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is one of `message` by the key; of whatever form the bytes are, never an error."""
    if len(key) != 32 or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    point = _decode(key)
    if scalar >= _L or point is None:
        return False
    encoded = signature[:32]
    factor = int.from_bytes(sha512()(encoded + key + message).digest(), "little") % _L
    x, y = point
    return _encode(_sum(scalar, _BASE, factor, (_P - x, y))) == encoded


def sha512() -> Callable[..., Any]:
    """The hash, from where it is loaded quickest."""
    for module in ("_sha2", "_sha512", "hashlib"):  # OpenSSL takes milliseconds to load
        try:
            found: Callable[..., Any] = __import__(module).sha512
        except (ImportError, AttributeError):
            continue
        return found
    raise RuntimeError("this Python has no sha512")


def _decode(data: bytes) -> Optional[Tuple[int, int]]:
    """The affine point of a canonical encoding (RFC 8032, 5.1.3)."""
    number = int.from_bytes(data, "little")
    y = number & _MASK
    if y >= _P:
        return None
    u = (y * y - 1) % _P
    v = (_D * y * y + 1) % _P
    x = u * v**3 * pow(u * v**7, (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P:
        x = x * _ROOT % _P
        if (v * x * x - u) % _P:
            return None
    odd = number >> 255
    if x == 0 and odd:
        return None
    return (_P - x if x & 1 != odd else x), y


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x = point[0] * inverse % _P
    y = point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _sum(first: int, one: Tuple[int, int], second: int, other: Tuple[int, int]) -> Point:
    """The sum of first * one and second * other, with one chain of doublings for both (Straus)."""
    digits = _digits(first, _multiples(one))
    others = _digits(second, _multiples(other))
    size = max(len(digits), len(others))
    digits += [None] * (size - len(digits))
    others += [None] * (size - len(others))
    point: Point = (0, 1, 1, 0)
    for at in range(size - 1, -1, -1):
        point = _double(point)
        ready = digits[at]
        if ready is not None:
            point = _add(point, ready)
        ready = others[at]
        if ready is not None:
            point = _add(point, ready)
    return point


def _multiples(affine: Tuple[int, int]) -> List[Ready]:
    """The point times 1, 3, 5 ... 15, ready to be added."""
    x, y = affine
    point: Point = (x, y, 1, x * y % _P)
    twice = _ready(_double(point))
    found = [_ready(point)]
    while len(found) < _HALF // 2:
        point = _add(point, twice)
        found.append(_ready(point))
    return found


def _digits(number: int, multiples: List[Ready]) -> List[Optional[Ready]]:
    """What to add after each doubling, lowest first: the signed digits in which few are not zero."""
    found: List[Optional[Ready]] = []
    while number:
        if number & 1:
            digit = number & (2 * _HALF - 1)
            if digit < _HALF:
                found.append(multiples[digit >> 1])
            else:
                digit -= 2 * _HALF
                minus, plus, z, t = multiples[-digit >> 1]
                found.append((plus, minus, z, -t))
            number -= digit
        else:
            found.append(None)
        number >>= 1
    return found


def _ready(point: Point) -> Ready:
    x, y, z, t = point
    return y - x, y + x, 2 * z, _D2 * t % _P


def _double(point: Point) -> Point:
    x, y, z, _ = point
    xx = x * x
    yy = y * y
    e = 2 * x * y % _P
    g = (yy - xx) % _P
    h = (xx + yy) % _P
    f = (g - 2 * z * z) % _P
    return e * f % _P, -g * h % _P, f * g % _P, -e * h % _P


def _add(point: Point, ready: Ready) -> Point:
    x, y, z, t = point
    minus, plus, double, scaled = ready
    a = (y - x) * minus % _P
    b = (y + x) * plus % _P
    c = t * scaled % _P
    d = z * double % _P
    e = b - a
    f = d - c
    g = d + c
    h = b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
