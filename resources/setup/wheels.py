"""What resources/setup/libtorch does with the wheels that it downloaded.

wheels.py requirements WHEELS yes|no      the NVIDIA wheels that torch's metadata names, as pip requirements
wheels.py unpack WHEELS TARGET yes|no     torch's headers, the shared libraries and the licences into TARGET

The last argument tells whether the CUDA side is wanted.
"""

import base64
import csv
import hashlib
import io
import re
import sys
import zipfile
from pathlib import Path, PurePosixPath

CUDA_LIBRARIES = {
    "libc10_cuda.so",
    "libcaffe2_nvrtc.so",
    "libtorch.so",
    "libtorch_cuda.so",
    "libtorch_cuda_linalg.so",
    "libtorch_global_deps.so",
    "libtorch_nvshmem.so",
}
PYTHON_LIBRARIES = {"libtorch_python.so", "libshm.so"}
# libtorch_cpu.so is linked to these two even where there is no GPU.
CPU_NVIDIA_LIBRARIES = re.compile(r"lib(cudart|cupti)\.so\.\d+$")


def requirements(wheels, cuda):
    torch = next(wheels.glob("torch-*.whl"))
    with zipfile.ZipFile(torch) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    for line in lines:
        requirement = line.removeprefix("Requires-Dist: ").split(";")[0].strip()
        if requirement.startswith("cuda-toolkit["):
            yield requirement if cuda else re.sub(r"\[.*\]", "[cudart,cupti]", requirement)
        elif cuda and requirement.startswith("nvidia-"):
            yield requirement


def destination(name, distribution, cuda):
    """Where a wheel's file goes below TARGET; None: it stays out."""
    path = PurePosixPath(name)
    if ".." in path.parts or path.is_absolute():
        raise ValueError(f"{name}: path leaves the wheel")
    if path.parts[0].endswith(".dist-info"):
        if path.name.lower().startswith(("license", "notice")):
            return Path("licenses", distribution, path.name)
    elif path.parts[:2] == ("torch", "include"):
        return Path(*path.parts[1:])
    elif not re.search(r"\.so(\.\d+)*$", path.name):
        return None
    elif path.parts[:2] == ("torch", "lib"):
        if path.name not in PYTHON_LIBRARIES and (cuda or path.name not in CUDA_LIBRARIES):
            return Path("lib", path.name)
    elif path.parts[0] == "nvidia" and path.parent.name == "lib":
        if cuda or CPU_NVIDIA_LIBRARIES.match(path.name):
            return Path("lib", path.name)
    return None


def copy_checked(archive, name, target, record):
    """Writes one file of the wheel; its digest and size have to be those of the wheel's RECORD."""
    algorithm, _, expected = record[name][0].partition("=")
    digest = hashlib.new(algorithm)
    size = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, open(target, "wb") as out:
        while block := source.read(1 << 20):
            digest.update(block)
            size += out.write(block)
    found = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    if found != expected or size != int(record[name][1]):
        raise ValueError(f"{archive.filename}: {name} is damaged")


def unpack(wheels, target, cuda):
    for wheel in sorted(wheels.glob("*.whl")):
        distribution = wheel.name.split("-")[0]
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            listing = archive.read(next(name for name in names if name.endswith(".dist-info/RECORD"))).decode()
            record = {row[0]: row[1:] for row in csv.reader(io.StringIO(listing)) if row}
            for name in names:
                where = None if name.endswith("/") else destination(name, distribution, cuda)
                if where:
                    copy_checked(archive, name, target / where, record)
        wheel.unlink()
    wanted = ["lib/libtorch_cpu.so", "lib/libc10.so", "lib/libgomp.so.1", "lib/libcudart.so.13", "lib/libcupti.so.13",
              "include/ATen/ATen.h", "include/torch/csrc/api/include/torch/torch.h"]
    wanted += ["lib/libtorch_cuda.so", "lib/libcublas.so.13"] if cuda else []
    lacking = [name for name in wanted if not (target / name).is_file()]
    if lacking:
        raise ValueError("the wheels lack " + ", ".join(lacking))


def main():
    command, *paths, cuda = sys.argv[1:]
    cuda = cuda == "yes"
    if command == "requirements":
        print(*requirements(Path(paths[0]), cuda), sep="\n")
    else:
        try:
            unpack(Path(paths[0]), Path(paths[1]), cuda)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            sys.exit(f"wheels.py: {error}")


if __name__ == "__main__":
    main()
