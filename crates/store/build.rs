//! A new migration file must rebuild the crate that embeds it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=migrations_telegrams");
    println!("cargo:rerun-if-changed=migrations_history");
    println!("cargo:rerun-if-changed=migrations_rollups");
}
