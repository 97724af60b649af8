"""What the cloud's authority signs, and what it doesn't."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pileus_deploy import authority, machine_certificate
from pileus_deploy.authority import Authority, RequestRefused
from pileus_deploy.plan import Plan

DAY = datetime.timedelta(days=1)


@pytest.fixture
def signer(tmp_path: Path) -> Authority:
    return authority.ensure(tmp_path / "registrar")


def test_an_authority_is_made_once_and_for_root(tmp_path: Path, signer: Authority) -> None:
    again = authority.ensure(tmp_path / "registrar")
    assert again.fingerprint == signer.fingerprint
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "registrar").iterdir()} == {0o600}


def test_the_names_are_the_authoritys_not_the_requests(signer: Authority) -> None:
    key = ec.generate_private_key(authority.CURVE())
    wish = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "controller")])
    )
    wish = wish.add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
    wish = wish.add_extension(x509.SubjectAlternativeName([x509.DNSName("controller")]), critical=False)
    given = signer.sign(wish.sign(key, hashes.SHA256()), "host2", "192.0.2.2")
    assert [name.value for name in given.subject] == ["host2"]
    names = given.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["host2", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.2"]
    assert not given.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    given.verify_directly_issued_by(signer.certificate)


def test_certificates_of_disks_are_valid_on_their_side_only(signer: Authority) -> None:
    _, request = authority.new_request()
    sides = {"guests": ExtendedKeyUsageOID.CLIENT_AUTH, "exports": ExtendedKeyUsageOID.SERVER_AUTH}
    for purpose, side in sides.items():
        given = signer.sign(request, "host2", "192.0.2.2", purpose=authority.PURPOSES[purpose])
        assert [name.value for name in given.subject] == [f"{purpose} of host2"]
        assert list(given.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [side]
    with pytest.raises(x509.ExtensionNotFound):
        guests = signer.sign(request, "host2", "192.0.2.2", purpose=authority.PURPOSES["guests"])
        guests.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_other_keys_and_unsigned_requests_are_refused(signer: Authority) -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(RequestRefused, match="P-256"):
            signer.sign(builder.sign(key, hashes.SHA256()), "host2", "192.0.2.2")
    _, request = authority.new_request()
    broken = bytearray(request.public_bytes(authority.serialization.Encoding.DER))
    broken[-1] ^= 1
    with pytest.raises(RequestRefused, match="own key"):
        signer.sign(x509.load_der_x509_csr(bytes(broken)), "host2", "192.0.2.2")


def test_a_serial_number_is_written_as_haproxy_compares_it(signer: Authority) -> None:
    _, request = authority.new_request()
    certificate = signer.sign(request, "host2", "192.0.2.2")
    text = authority.serial(certificate)
    assert int(text, 16) == certificate.serial_number
    assert len(text) % 2 == 0 and text == text.upper()


def test_a_certificate_is_renewed_in_the_last_third_of_its_time(tmp_path: Path, signer: Authority) -> None:
    plan = Plan(tmp_path, address="192.0.2.1", tls=True)
    first = machine_certificate.renew(plan, lambda request: signer.sign(request, "host1", plan.address))
    assert machine_certificate.current(plan) == first
    now = datetime.datetime.now(datetime.UTC)
    assert not machine_certificate.is_due(first, now + 19 * DAY)
    assert machine_certificate.is_due(first, now + 21 * DAY)
    assert machine_certificate.names(first, ["192.0.2.1"]) and not machine_certificate.names(first, ["192.0.2.2"])
    second = machine_certificate.renew(plan, lambda request: signer.sign(request, "host1", plan.address))
    assert first.public_key() != second.public_key(), "a renewed certificate has another key"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plan.tls_file("both.pem"))  # refuses a certificate whose key is another
    context.load_cert_chain(plan.tls_file("machine.pem"), plan.tls_file("machine.key"))
