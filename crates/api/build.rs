//! The screens are built apart from the server. Where they have not been built, a page that says so takes their
//! place, so that the server compiles and runs by itself.

use std::path::Path;

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>Emberwatch</title>
<p>The screens have not been built: run <code>make web</code> and build the server again.</p>
<p>The API is at <a href=\"/api/v1/openapi.json\">/api/v1</a>.</p></html>
";

fn main() -> std::io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        std::fs::create_dir_all(&dist)?;
        std::fs::write(&index, PLACEHOLDER)?;
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
