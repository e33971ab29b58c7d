"""Contents that can be made again from their name, and their hashes."""
import hashlib
import random

PIECE_SIZE = 1 << 20
KIB = 1 << 10
MIB = 1 << 20


def pieces(name, size):
    """`size` bytes that depend on the name, a piece at a time; no two pieces are equal."""
    generator = random.Random(name)
    while size > 0:
        piece = generator.randbytes(min(size, PIECE_SIZE))
        yield piece
        size -= len(piece)


def content(name, size):
    return b"".join(pieces(name, size))


def make_file(path, size):
    """Writes a file whose content depends on its name; its SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for piece in pieces(path.name, size):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
