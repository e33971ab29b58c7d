"""A certificate authority that lives for one scenario."""
import dataclasses
import pathlib
import subprocess

CONFIGURATION = """\
[end]
{names}
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth, clientAuth
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[req]
distinguished_name = name
[name]
"""
HERE = "IP:127.0.0.1, DNS:localhost"


@dataclasses.dataclass
class Issued:
    ca: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """Signs certificates, which it leaves in `folder` as PEM files."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._key, self.ca = self._folder / "ca.key", self._folder / "ca.pem"
        self._openssl("req", "-x509", *self._new_key(""), "-keyout", self._key, "-out", self.ca, "-days", 2,
                      "-subj", "/CN=compat test authority", "-extensions", "authority")  # fmt: skip

    def issue(self, name, hosts="", subject="/O=compat"):
        """For `hosts`, as openssl lists alternative names, if any."""
        certificate, key, request = (self._folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
        self._openssl("req", *self._new_key(hosts), "-keyout", key, "-out", request, "-subj", subject)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial",
                      "-out", certificate, "-days", 2, "-extfile", self._configuration, "-extensions", "end")  # fmt: skip
        return Issued(self.ca, certificate, key)

    @property
    def _configuration(self):
        return self._folder / "openssl.cnf"

    def _new_key(self, hosts):
        names = f"subjectAltName = {hosts}" if hosts else ""
        self._configuration.write_text(CONFIGURATION.format(names=names))
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", self._configuration

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def issue(folder):
    """Makes an authority and a certificate of 127.0.0.1 and localhost in `folder`."""
    return Authority(folder).issue("server", HERE, "/CN=127.0.0.1")
