//! Which crate may use which: the table of ARCHITECTURE.md, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

struct Row {
    /// Without `plantain-`.
    name: &'static str,
    /// Crates of ours that it may use.
    may_use: &'static [&'static str],
    /// Crates of others that it must not contain, directly or through other foreign crates.
    never: &'static [&'static str],
}

const SQL: [&str; 4] = ["rusqlite", "tokio-postgres", "deadpool-postgres", "sqlx"];

const TABLE: &[Row] = &[
    Row {
        name: "wire",
        may_use: &[],
        never: &["tokio", "axum", "hyper", "reqwest", "rusqlite", "tokio-postgres", "getrandom"],
    },
    Row { name: "scale", may_use: &[], never: &["tokio", "axum", "reqwest", "image"] },
    Row {
        name: "media",
        may_use: &["scale"],
        never: &["tokio", "axum", "hyper", "reqwest", "rusqlite", "tokio-postgres", "futures-util"],
    },
    Row { name: "work", may_use: &[], never: &["axum", "hyper", "reqwest", "rusqlite", "tokio-postgres"] },
    Row { name: "blobs", may_use: &[], never: &["axum", "rusqlite", "tokio-postgres"] },
    Row { name: "mail", may_use: &["work"], never: &["axum", "reqwest", "rusqlite", "tokio-postgres"] },
    Row { name: "whatsapp", may_use: &["wire", "work", "outbound"], never: &["axum", "rusqlite", "tokio-postgres"] },
    Row { name: "outbound", may_use: &["wire", "work"], never: &["axum", "rusqlite", "tokio-postgres"] },
    Row { name: "client", may_use: &["wire", "outbound"], never: &["axum", "rusqlite", "tokio-postgres"] },
    Row {
        name: "queue",
        may_use: &["wire", "work", "outbound"],
        never: &["axum", "reqwest", "rusqlite", "tokio-postgres", "clap"],
    },
    Row {
        name: "models",
        may_use: &["queue", "media", "blobs", "client", "outbound", "wire", "work"],
        never: &["axum", "rusqlite", "tokio-postgres"],
    },
    Row {
        name: "gateway",
        may_use: &["queue", "blobs", "wire", "work"],
        never: &["reqwest", "rusqlite", "tokio-postgres"],
    },
    Row { name: "inbox", may_use: &["wire", "work", "outbound"], never: &["axum", "rusqlite", "tokio-postgres"] },
    Row {
        name: "studio",
        may_use: &["wire", "client", "inbox", "mail", "whatsapp", "media", "blobs", "work", "outbound"],
        never: &["rusqlite", "tokio-postgres"],
    },
    Row { name: "store", may_use: &["queue", "inbox", "mail", "studio", "wire", "work"], never: &["axum", "reqwest"] },
    Row { name: "testkit", may_use: &["wire", "work"], never: &["rusqlite", "tokio-postgres"] },
];

/// May use everything that is listed above, but writes no SQL.
const BINARY: &str = "plantain";

pub fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        // Without the filter, packages of other systems would be fetched.
        .other_options(
            ["--locked", "--filter-platform", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)]
                .map(str::to_owned),
        )
        .exec()
        .expect("cargo describes this workspace")
}

fn ours(package: &str) -> Option<&str> {
    package.strip_prefix("plantain-")
}

fn used(package: &Package) -> BTreeSet<&str> {
    let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn every_arrow_between_our_crates_is_in_the_table() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let Some(name) = ours(&package.name) else { continue };
        let row = TABLE.iter().find(|row| row.name == name);
        let row = row.unwrap_or_else(|| panic!("{name} is missing from the table: say what it may use"));
        for target in used(package).into_iter().filter_map(ours) {
            assert!(row.may_use.contains(&target), "{name} must not use {target}");
        }
    }
}

#[test]
fn nobody_contains_what_the_table_bans() {
    let metadata = metadata();
    let foreign = foreign_tree(&metadata);
    for package in metadata.workspace_packages() {
        let Some(row) = ours(&package.name).and_then(|name| TABLE.iter().find(|row| row.name == name)) else {
            continue;
        };
        let contained = contained(&package.id, &foreign);
        let banned: Vec<_> = row.never.iter().filter(|banned| contained.contains(**banned)).collect();
        assert!(banned.is_empty(), "{} must not contain {banned:?}", row.name);
    }
}

#[test]
fn the_binary_writes_no_sql() {
    let metadata = metadata();
    let binary = metadata.workspace_packages().into_iter().find(|package| package.name == BINARY).unwrap();
    assert!(SQL.iter().all(|sql| !used(binary).contains(sql)), "SQL belongs into store");
}

type Tree<'m> = BTreeMap<&'m PackageId, (&'m str, Vec<&'m PackageId>)>;

/// Every package with its normal dependencies that are not ours.
fn foreign_tree(metadata: &Metadata) -> Tree<'_> {
    let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let names: BTreeMap<&PackageId, &str> = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    let resolve = metadata.resolve.as_ref().expect("cargo resolved the dependencies");
    let normal = |node: &cargo_metadata::NodeDep| {
        node.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal && kind.target.is_none())
    };
    resolve
        .nodes
        .iter()
        .map(|node| {
            let below = node.deps.iter().filter(|dep| normal(dep) && !members.contains(&dep.pkg)).map(|dep| &dep.pkg);
            (&node.id, (names[&node.id], below.collect()))
        })
        .collect()
}

fn contained<'m>(root: &'m PackageId, tree: &Tree<'m>) -> BTreeSet<&'m str> {
    let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![root]);
    while let Some(next) = open.pop() {
        for below in &tree[next].1 {
            if seen.insert(*below) {
                found.insert(tree[below].0);
                open.push(below);
            }
        }
    }
    found
}
