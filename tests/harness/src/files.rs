//! The repository's files: read from the disk, or in the browser asked of the server of `tests/e2e/harness-wasm.mjs`.

#[cfg(not(target_arch = "wasm32"))]
use native::{list_files, read_file};
#[cfg(target_arch = "wasm32")]
use served::{list_files, read_file};

/// The bytes of a file; `path` begins in the repository's root, with `/` between folders.
///
/// # Panics
/// If there is no such file.
pub fn read(path: &str) -> Vec<u8> {
    read_file(path).unwrap_or_else(|| panic!("{path} cannot be read"))
}

/// A file of text.
///
/// # Panics
/// If there is no such file, or it is not UTF-8.
pub fn read_text(path: &str) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of what is in a folder, in order.
///
/// # Panics
/// If there is no such folder.
pub fn list(folder: &str) -> Vec<String> {
    let mut names = list_files(folder).unwrap_or_else(|| panic!("{folder} cannot be read"));
    names.sort();
    names
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::fs;
    use std::path::Path;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    pub fn read_file(path: &str) -> Option<Vec<u8>> {
        fs::read(Path::new(ROOT).join(path)).ok()
    }

    pub fn list_files(folder: &str) -> Option<Vec<String>> {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).ok()?;
        Some(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }
}

#[cfg(target_arch = "wasm32")]
mod served {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        /// Defined by `tests/e2e/wasm-worker.js`.
        #[wasm_bindgen(js_name = testReadFile)]
        pub fn read_file(path: &str) -> Option<Vec<u8>>;

        /// Defined by `tests/e2e/wasm-worker.js`.
        #[wasm_bindgen(js_name = testListFiles)]
        pub fn list_files(folder: &str) -> Option<Vec<String>>;
    }
}
