"""The uplink over TLS, with certificates of the tests' own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from desk import MakeDesk, until


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ("ca", "stranger"):
        openssl(
            folder,
            # Python 3.13 trusts no authority that does not say what its key is for.
            *("req", "-x509", *key, "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    issued = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    (folder / "server.ext").write_text(f"subjectAltName=IP:127.0.0.1\n{issued}")
    (folder / "desk-7.ext").write_text(f"basicConstraints=CA:FALSE\n{issued}")
    for name in ("server", "desk-7"):
        openssl(
            folder,
            *("req", "-new", *key[:-2], "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        openssl(
            folder,
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
        )
    return folder


@pytest.fixture
def tls_broker(tmp_path: Path, certificates: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path, tls=True)
    for name in ("ca.crt", "server.crt", "server.key"):
        (broker.folder / name).write_bytes((certificates / name).read_bytes())
    with broker:
        yield broker


def test_windows_go_over_mutual_tls(
    tls_broker: Broker, make_desk: MakeDesk, certificates: Path
) -> None:
    desk = make_desk(
        tls_broker.port,
        tls=True,
        ca_file=str(certificates / "ca.crt"),
        cert_file=str(certificates / "desk-7.crt"),
        key_file=str(certificates / "desk-7.key"),
    )
    desk.send(20)
    desk.uplink.start()
    until(lambda: desk.outbox.depth == 0)


# The socket of a failed handshake is left by paho to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("ca", "sentence"),
    [
        ("stranger.crt", "its certificate is not trusted (self"),
        ("ca.crt", "does it want uplink.tls or a certificate (uplink.cert_file)?"),
        ("ca.key", "uplink.ca_file, cert_file or key_file is not a PEM file of its kind"),
        ("none.crt", "cannot be read: No such file or directory"),
    ],
)
def test_wrong_certificates_are_one_sentence_with_the_remedy(
    tls_broker: Broker,
    make_desk: MakeDesk,
    certificates: Path,
    caplog: pytest.LogCaptureFixture,
    ca: str,
    sentence: str,
) -> None:
    desk = make_desk(tls_broker.port, tls=True, ca_file=str(certificates / ca))
    desk.uplink.start()
    until(lambda: bool(caplog.records))
    assert sentence in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_with_a_broker_that_has_none_is_one_sentence(
    broker: Broker, make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    make_desk(broker.port, tls=True).uplink.start()
    until(lambda: bool(caplog.records))
    assert "hung up; is uplink.port its port" in caplog.text
