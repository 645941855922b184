"""python_torch.py WHEELS LIB TARGET: the Python side of torch's wheel into TARGET, over the LibTorch in LIB.

The wheel is built for CUDA. What its Python library wants of CUDA's libraries and of libtorch_cuda.so becomes a stub,
so that 2.5 GB need not be there for tests that compute on the CPU: functions that return a null or a pointer to
zeros, and type information under the right names. Needs gcc and binutils.
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

STUBBED = ("libtorch_cuda.so", "libtorch.so", "libc10_cuda.so", "libcudnn.so.9", "libcufile.so.0")
OWN = ("libtorch_python.so", "libshm.so", "libtorch_global_deps.so")
TYPE_INFO = "_ZTVN10__cxxabiv117__class_type_infoE+16"


def unpack(wheel, target):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            parts = Path(name).parts
            if ".." in parts or Path(name).is_absolute():
                raise ValueError(f"{name}: path leaves the wheel")
            if parts[:2] in (("torch", "include"), ("torch", "test")):
                continue
            if parts[:2] == ("torch", "lib") and parts[-1] not in OWN:
                continue
            archive.extract(name, target)


def symbols(library, *options):
    lines = subprocess.run(["nm", "-D", *options, library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in lines.splitlines()}


def missing(lib):
    """What libtorch_python.so wants and none of the libraries that are there defines."""
    wanted = symbols(lib / "libtorch_python.so", "--undefined-only")
    linked = subprocess.run(["ldd", lib / "libtorch_python.so"], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"=> (/\S+)", linked):
        if Path(library).name not in STUBBED:  # the system's own may be there, and is not to be needed
            wanted -= symbols(library, "--defined-only")
    # Python's own come from the program; weak ones may be absent.
    return sorted(x for x in wanted if not re.match(r"_?Py|_ITM_|__gmon|__tls|__cxa", x))


def assembly(names):
    data = [name for name in names if re.match("_ZT[ISV]", name)]
    lines = [".text"]
    for name in names:
        if name not in data:
            lines.append(f".globl {name}\n.type {name},@function\n{name}:")
    lines.append("leaq zeros(%rip), %rax\nret\n.bss\n.balign 65536\nzeros: .zero 65536\n.data\n.balign 16")
    for name in data:
        lines.append(f".globl {name}\n.type {name},@object\n{name}:")
        if name.startswith("_ZTI"):
            lines.append(f'.quad {TYPE_INFO}, 1f\n1: .asciz "{name[4:]}"\n.balign 16')
        else:
            lines.append(".zero 4096")
    lines.append('.section .note.GNU-stack,"",@progbits')
    return "\n".join(lines) + "\n"


def main():
    wheels, libtorch, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True)
    unpack(next(wheels.glob("torch-*.whl")), target)
    lib = target / "torch" / "lib"
    for library in libtorch.iterdir():
        if not (lib / library.name).exists() and library.name not in STUBBED:
            (lib / library.name).symlink_to(library.resolve())
    source = target / "stub.s"
    for name in STUBBED:
        (lib / name).unlink(missing_ok=True)
    source.write_text(assembly(missing(lib)))
    for name in STUBBED:
        code = ["-x", "assembler", source] if name == STUBBED[0] else ["-x", "c", "/dev/null"]
        subprocess.run(
            ["g++", "-shared", "-nostartfiles", f"-Wl,-soname,{name}", "-o", lib / name, *code], check=True
        )
    source.unlink()


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, StopIteration, subprocess.CalledProcessError) as error:
        sys.exit(f"python_torch.py: {error}")
