//! emberwatch
fn main() {}
