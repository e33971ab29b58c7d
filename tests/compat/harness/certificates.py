"""A certificate authority that lives for one scenario."""
import dataclasses
import pathlib
import subprocess

EXTENSIONS = """\
[server]
subjectAltName = IP:127.0.0.1, DNS:localhost
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[req]
distinguished_name = name
[name]
"""


@dataclasses.dataclass
class Issued:
    ca: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path


def issue(folder):
    """Makes an authority and a certificate of 127.0.0.1 and localhost in `folder`, as PEM files."""
    folder = pathlib.Path(folder)
    config = folder / "openssl.cnf"
    config.write_text(EXTENSIONS)
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    certificate, key, request = folder / "server.pem", folder / "server.key", folder / "server.csr"

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", config)
    openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", ca, "-days", 2, "-subj", "/CN=compat test authority",
            "-extensions", "authority")  # fmt: skip
    openssl("req", *new_key, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", certificate,
            "-days", 2, "-extfile", config, "-extensions", "server")  # fmt: skip
    return Issued(ca, certificate, key)
