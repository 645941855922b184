"""A small hub on loopback, for the tests: what BSBR Studio asks of huggingface.co, and every way to fail.

    hub_server.py ROOT [CERTIFICATE]

ROOT/models/ORG/NAME/ holds a model: repository.json and files/. ROOT/faults.json, read at every request, is a
list of faults; the first that fits a request and has `times` left is applied. Requests are written to
ROOT/requests.jsonl. The ports are printed as one line of JSON: the hub, another host ("cdn") that large files
are redirected to, and, with a certificate and key in one file, the hub behind TLS. Ends with its standard input.
"""

import hashlib
import json
import os
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

root = Path(sys.argv[1])
lock = threading.Lock()
used = {}
ports = {}
LARGE = (".safetensors", ".bin", ".gguf", ".model")


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.fault = self.take_fault()
        entry = {"server": self.server.name, "method": self.command, "path": self.path,
                 "authorization": self.headers.get("Authorization"), "range": self.headers.get("Range"),
                 "encoding": self.headers.get("Accept-Encoding")}
        with lock, open(root / "requests.jsonl", "a") as log:
            log.write(json.dumps(entry) + "\n")
        if "hold" in self.fault:
            time.sleep(self.fault["hold"])
        if "raw" in self.fault:
            self.wfile.write(self.fault["raw"].encode())
            self.close_connection = True
        elif "hang_up" in self.fault:
            self.break_off()
        elif "redirect" in self.fault:
            self.answer(302, b"", {"Location": self.fault["redirect"].format(**ports)})
        elif "status" in self.fault:
            self.answer(self.fault["status"], b"no", self.fault.get("headers", {}))
        elif self.server.name == "cdn":
            self.serve_blob()
        else:
            self.serve_hub()

    def take_fault(self):
        try:
            faults = json.loads((root / "faults.json").read_text())
        except (OSError, ValueError):
            return {}
        for fault in faults:
            fits = fault["path"] in self.path and fault.get("server", self.server.name) == self.server.name
            with lock:
                count = used.get(fault["id"], 0)
                if fits and count < fault.get("times", 1):
                    used[fault["id"]] = count + 1
                    return fault
        return {}

    def serve_hub(self):
        path = unquote(urlsplit(self.path).path).strip("/")
        api = path.startswith("api/models/")
        if api:
            path = path[len("api/models/"):]
        name, _, rest = path.partition("/revision/" if api else "/resolve/")
        folder = root / "models" / name
        if not (folder / "repository.json").is_file():
            return self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        about = json.loads((folder / "repository.json").read_text())
        if "moved" in about:
            return self.answer(307, b"", {"Location": self.path.replace(name, about["moved"], 1)})
        token = self.headers.get("Authorization")
        if token and token != "Bearer " + about.get("token", "hf_good"):
            return self.answer(401, b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"})
        commit = next((c for r, c in about["revisions"].items() if rest in (r, c) or rest.startswith(c + "/")), None)
        if commit is None:
            return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        files = folder / "files"
        if api:
            return self.answer(200, json.dumps(self.listing(files, commit, about)).encode(), {})
        if about.get("gated") and not token:
            return self.answer(401, b"{}", {"X-Error-Code": "GatedRepo"})
        if about.get("gated") == "refused":
            return self.answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        file = files / rest.partition("/")[2]
        if not file.is_file():
            return self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        data = file.read_bytes()
        if file.suffix not in LARGE:
            return self.send_data(data, {"ETag": f'"{git_hash(data)}"', "X-Repo-Commit": commit})
        sha = hashlib.sha256(data).hexdigest()
        (root / "blobs").mkdir(exist_ok=True)
        if not (root / "blobs" / sha).exists():
            os.link(file, root / "blobs" / sha)
        self.answer(302, b"", {"Location": f"http://127.0.0.1:{ports['cdn']}/{sha}?signature=secret",
                               "X-Linked-Etag": f'"{sha}"', "X-Linked-Size": str(len(data)), "X-Repo-Commit": commit})

    def listing(self, files, commit, about):
        siblings = []
        for file in sorted(p for p in files.rglob("*") if p.is_file()):
            data = file.read_bytes()
            sibling = {"rfilename": str(file.relative_to(files))}
            if about.get("blobs", True):
                sibling |= {"blobId": git_hash(data), "size": len(data)}
                if file.suffix in LARGE:
                    sibling |= {"blobId": "0" * 40, "size": len(data),
                                "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
                                        "pointerSize": 134}}
            siblings.append(sibling)
        return {"id": "x", "sha": commit, "siblings": siblings} | about.get("listing", {})

    def serve_blob(self):
        file = root / "blobs" / urlsplit(self.path).path.strip("/")
        if not file.is_file():
            return self.answer(404, b"", {})
        self.send_data(file.read_bytes(), {"ETag": '"of the cdn"'})

    def send_data(self, data, headers):
        fault = self.fault
        if "corrupt" in fault:
            data = data[:-1] + bytes([data[-1] ^ 1])
        status, begin, total = 200, 0, len(data)
        wanted = self.headers.get("Range")
        if wanted and "ignore_range" not in fault:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            if begin >= total:
                return self.answer(416, b"", {"Content-Range": f"bytes */{total}"})
            status = 206
            shift = fault.get("other_range", 0)
            headers["Content-Range"] = f"bytes {begin + shift}-{total - 1}/{total}"
        body = data[begin:] + fault.get("more", "").encode()
        self.answer(status, body, headers)

    def answer(self, status, body, headers):
        fault = self.fault
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        length = fault.get("length", len(body))
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        if "drop_after" in fault:
            self.wfile.write(body[:fault["drop_after"]])
            self.wfile.flush()
            return self.break_off()
        if "piece" in fault:  # slowly
            for at in range(0, len(body), fault["piece"]):
                self.wfile.write(body[at:at + fault["piece"]])
                time.sleep(fault["pause"])
            return
        self.wfile.write(body[:length] if "length" in fault and length is not None else body)

    def break_off(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def serve(name, tls=None):
    server = Server(("127.0.0.1", 0), Handler)
    server.name = "cdn" if name == "cdn" else "hub"
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    ports[name] = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()


serve("hub")
serve("cdn")
if len(sys.argv) > 2:
    serve("tls", sys.argv[2])
print(json.dumps(ports), flush=True)
sys.stdin.read()
