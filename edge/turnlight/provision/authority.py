"""The site's certificate authority: ECDSA on P-256, and nothing else.

A client's certificate may not serve, and a server's may not ask, so no desk can play the broker.
Time is an argument; the one thing that is not pure here is the random generator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from turnlight.provision.trouble import ProvisionError

AUTHORITY_DAYS = 3650
_SKEW = timedelta(hours=1)
"""A certificate is valid from so long ago: a Pi has no clock of its own and may be a little slow.
"""

Key = ec.EllipticCurvePrivateKey


class Authority:
    """Signs certificates and the list of those that are revoked."""

    def __init__(self, certificate: x509.Certificate, key: Key) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def make(cls, site: str, now: datetime) -> tuple[Authority, Key]:
        """A new authority, and its key."""
        key = new_key()
        name = _name(f"Turnlight {site}")
        usage = _usage(key_cert_sign=True, crl_sign=True)
        certificate = (
            _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key), key

    @classmethod
    def load(cls, certificate: bytes, key: bytes, where: str) -> Authority:
        """An authority from its PEM files.

        Raises:
            ProvisionError: they are damaged or do not belong together.
        """
        try:
            private = serialization.load_pem_private_key(key, None)
            public = x509.load_pem_x509_certificate(certificate)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ProvisionError(
                f"{where}: ca.crt or ca.key is damaged; restore the folder from its backup"
            ) from None
        if not isinstance(private, Key) or private.public_key() != public.public_key():
            raise ProvisionError(
                f"{where}: ca.crt and ca.key do not belong together; restore them from one backup"
            )
        return cls(public, private)

    def client(
        self, public_key: ec.EllipticCurvePublicKey, user: str, now: datetime, days: int
    ) -> x509.Certificate:
        """A certificate by which the broker knows this user."""
        return self._sign(public_key, user, now, days, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def server(
        self, public_key: ec.EllipticCurvePublicKey, hosts: Sequence[str], now: datetime, days: int
    ) -> x509.Certificate:
        """A certificate of a server with these names and addresses."""
        oid = ExtendedKeyUsageOID.SERVER_AUTH
        return self._sign(public_key, hosts[0], now, days, oid, hosts)

    def crl(self, revoked: Iterable[tuple[int, datetime]], now: datetime) -> bytes:
        """The revoked serial numbers with their times, as PEM.

        It stays good for as long as the authority: the broker reads it from its own disk, and
        one that ran out would shut out every desk.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(self.certificate.not_valid_after_utc)
            .add_extension(self._authority_key(), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for serial, at in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def signed(self, certificate: x509.Certificate) -> bool:
        """Whether this authority made that certificate."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _sign(
        self,
        public_key: ec.EllipticCurvePublicKey,
        name: str,
        now: datetime,
        days: int,
        purpose: x509.ObjectIdentifier,
        hosts: Sequence[str],
    ) -> x509.Certificate:
        builder = (
            _builder(_name(name), self.certificate.subject, public_key, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
            .add_extension(self._authority_key(), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _authority_key(self) -> x509.AuthorityKeyIdentifier:
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def new_key() -> Key:
    """A private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """A private key as PEM (PKCS 8), not encrypted: the file's rights protect it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a signing request in PEM; what else it asks for is ignored.

    Raises:
        ProvisionError: it is no request, is not signed by its own key, or the key is no P-256 one.
    """
    try:
        csr = x509.load_pem_x509_csr(request)
        key = csr.public_key()
        own = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise ProvisionError("this is not a certificate signing request in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ProvisionError("the request's key must be an ECDSA key on P-256")
    if not own:
        raise ProvisionError("the request is not signed by its own key")
    return key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _SKEW)
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common: str) -> x509.Name:
    # RFC 5280 allows 64 characters; a name on the wire has at most 63
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(
    digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
