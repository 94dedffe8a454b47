//! The OpenAPI document, and the pages of problems.

use std::path::Path;

use gpu_credit_server::{openapi, problem};

use crate::server::Server;

/// Set to write the document anew.
const WRITE: &str = "GPU_CREDIT_WRITE_OPENAPI";

#[test]
fn the_document_follows_from_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let document = serde_json::to_string_pretty(&openapi()).unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == document,
        "crates/gpu-credit-server/openapi.json is not what the types of the handlers give; this writes it:\n\
         {WRITE}=1 cargo test -p gpu-credit-server --test it the_document_follows_from_the_types"
    );
    assert_eq!(Server::start().get("/openapi.json").is(200).json(), {
        serde_json::from_str::<serde_json::Value>(&document).unwrap()
    });
}

#[test]
fn every_kind_of_problem_has_a_page() {
    let server = Server::start();
    for kind in problem::kinds::ALL {
        let page = server.get(&format!("/problems/{}", kind.slug)).is(200);
        assert!(page.text.contains(kind.advice), "{}", page.text);
        assert!(kind.status.is_client_error() || kind.status.is_server_error());
    }
    let slugs: std::collections::HashSet<_> =
        problem::kinds::ALL.iter().map(|kind| kind.slug).collect();
    assert_eq!(slugs.len(), problem::kinds::ALL.len());
    assert_eq!(server.get("/problems/none").is(404).problem(), "not-found");
}

/// Entries of batches, corrections and plans were types of which nothing is: each kind was all of a type that lets no `kind`
/// be said, and the `kind`.
#[test]
fn kinds_are_objects_that_may_say_their_kind() {
    let document = serde_json::to_value(openapi()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut kinds = 0;
    for name in ["NewEntry", "Correction", "Planned"] {
        for kind in schemas[name]["oneOf"].as_array().unwrap() {
            assert_eq!(kind["additionalProperties"], false, "{name}: {kind}");
            assert_eq!(
                kind["properties"]["kind"]["type"], "string",
                "{name}: {kind}"
            );
            let required = kind["required"].as_array().unwrap();
            assert!(
                required.iter().any(|member| member == "kind"),
                "{name}: {kind}"
            );
            kinds += 1;
        }
    }
    assert_eq!(kinds, 20);
}
