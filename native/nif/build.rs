//! Link options of the library.

fn main() {
    // The runtime's threads live in this library: it must stay mapped when the VM unloads the module.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
