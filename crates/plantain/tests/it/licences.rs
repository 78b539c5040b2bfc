//! Plantain may be given to anybody, so everything in it must be permissive. `cargo deny` says it better where it is
//! installed; this says it everywhere.

use cargo_metadata::Metadata;

use crate::arrows::metadata;

/// The same list as in `deny.toml`.
fn allowed() -> Vec<String> {
    let path = crate::bed::repository().join("deny.toml");
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    table["licenses"]["allow"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Whether one of the ways to read an SPDX expression is allowed. Knows parentheses around alternatives, no deeper ones.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let may = |id: &str| allowed.iter().any(|known| known == id.trim());
    expression.replace('/', " OR ").split(" AND ").all(|part| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')');
        part.split(" OR ").any(may)
    })
}

fn foreign(metadata: &Metadata) -> impl Iterator<Item = &cargo_metadata::Package> {
    metadata.packages.iter().filter(|package| package.source.is_some())
}

#[test]
fn every_dependency_is_permissive_and_from_the_registry() {
    let (metadata, allowed) = (metadata(), allowed());
    let odd: Vec<String> = foreign(&metadata)
        .filter(|package| !package.license.as_deref().is_some_and(|license| is_allowed(license, &allowed)))
        .map(|package| format!("{}: {:?}", package.name, package.license))
        .collect();
    assert!(odd.is_empty(), "{odd:#?}");
    let elsewhere: Vec<&str> = foreign(&metadata)
        .filter(|package| !package.source.as_ref().is_some_and(|source| source.repr.starts_with("registry+")))
        .map(|package| package.name.as_str())
        .collect();
    assert!(elsewhere.is_empty(), "not from the registry: {elsewhere:?}");
}

#[test]
fn a_first_build_needs_a_c_compiler_and_nothing_else() {
    let metadata = metadata();
    for heavy in ["openssl-sys", "aws-lc-sys", "protoc", "bindgen"] {
        assert!(
            foreign(&metadata).all(|package| package.name.as_str() != heavy),
            "{heavy} needs more than a C compiler"
        );
    }
}

#[test]
fn expressions_are_read_as_their_authors_meant_them() {
    let allowed = ["MIT", "ISC"].map(str::to_owned);
    for (expression, is) in [
        ("MIT", true),
        ("Apache-2.0 OR MIT", true),
        ("Apache-2.0/MIT", true),
        ("(MIT OR Apache-2.0) AND ISC", true),
        ("MIT AND GPL-3.0", false),
        ("GPL-3.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), is, "{expression}");
    }
}
