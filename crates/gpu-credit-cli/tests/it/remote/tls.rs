//! Services with certificates.

use super::World;

#[test]
fn a_certificate_is_trusted_if_it_is_named() {
    let home = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = write("a.pem", made.cert.pem());
    let key = write("a.key", made.signing_key.serialize_pem());
    let more = ["--tls-certificate", &certificate, "--tls-key", &key];
    let served = crate::running::Served::start(home.path(), &more);
    let token = served.first_token.clone().unwrap();
    let world = World {
        home,
        served,
        token,
    };
    let address = world.served.address.clone();
    assert!(address.starts_with("https://"), "{address}");
    let said = world.refused(&address, &world.token, "accounts");
    assert!(
        said.starts_with(&format!(
            "gpu-credit: {address}: its certificate is not trusted: "
        )) && said.ends_with("; --ca-certificate names a file of certificates to trust"),
        "{said}"
    );
    world.ok("account create acme --ca-certificate a.pem");
    assert!(world.ok("accounts --ca-certificate a.pem").contains("acme"));
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    world.file("b.pem", &other.cert.pem());
    let said = world.refused(&address, &world.token, "accounts --ca-certificate b.pem");
    assert!(said.contains("its certificate is not trusted"), "{said}");
    let said = world.refused(&address, &world.token, "accounts --ca-certificate a.key");
    assert!(
        said.contains("--ca-certificate: a.key: found no certificates in PEM"),
        "{said}"
    );
}
