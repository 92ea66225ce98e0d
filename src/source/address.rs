//! Addresses of model files: the `hf:` shorthand, the parts of a split GGUF, and the name that a person sees.

use crate::{Error, ErrorKind, Result};

/// Where `hf:` addresses point unless another base is given.
pub const HUGGING_FACE: &str = "https://huggingface.co";

/// More parts than this are a typing mistake or an attack, not a model.
const MAX_PARTS: u32 = 1000;

/// Turns `hf:owner/repo/file.gguf` (or `hf:owner/repo@revision/file.gguf`) into the public address under
/// `hf_base`; every other address is returned as it is.
///
/// # Errors
/// `invalid_argument` when a `hf:` address lacks its owner, repository or file.
pub fn resolve(address: &str, hf_base: Option<&str>) -> Result<String> {
    let Some(short) = address.strip_prefix("hf:") else { return Ok(address.to_owned()) };
    let mut parts = short.splitn(3, '/');
    let (owner, repo, file) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (repo, revision) = repo.split_once('@').unwrap_or((repo, "main"));
    if [owner, repo, revision].iter().any(|part| part.is_empty())
        || file.split('/').any(|part| part.is_empty() || part == "." || part == "..")
    {
        let message = format!("{address}: expected hf:owner/repo/file.gguf or hf:owner/repo@revision/file.gguf");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let base = hf_base.unwrap_or(HUGGING_FACE).trim_end_matches('/');
    let file = file.split('/').map(encode).collect::<Vec<_>>().join("/");
    Ok(format!("{base}/{}/{}/resolve/{}/{file}", encode(owner), encode(repo), encode(revision)))
}

/// The addresses of the files in a folder: `prefix`, the file's name, `suffix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Ends with a slash.
    pub prefix: String,
    /// The query of the folder's address.
    pub suffix: String,
    /// The folder's name, for people.
    pub name: String,
}

impl Folder {
    /// The address of a file in it, or in a folder of it.
    pub fn file(&self, name: &str) -> String {
        let path: Vec<String> = name.split('/').map(encode).collect();
        format!("{}{}{}", self.prefix, path.join("/"), self.suffix)
    }
}

/// The folder that `address` means: `hf:owner/repo` (or `hf:owner/repo@revision`, or the page of a repository on the hub), an
/// address that ends with a slash, or the address of one of the files that such a folder has. `None` for any other.
pub fn folder(address: &str, hf_base: Option<&str>) -> Option<Folder> {
    let short = match address.strip_prefix("hf:") {
        Some(short) => Some(short.to_owned()),
        None => repository(address, hf_base),
    };
    if let Some(short) = short {
        let mut parts = short.splitn(3, '/');
        let (owner, repo) = (parts.next()?, parts.next()?);
        let path = folder_of(parts.next().unwrap_or_default())?;
        let (repo, revision) = repo.split_once('@').unwrap_or((repo, "main"));
        let is_name = |part: &str| !part.is_empty() && part != "." && part != "..";
        if ![owner, repo, revision].into_iter().chain(path.split_terminator('/')).all(is_name) {
            return None;
        }
        let base = hf_base.unwrap_or(HUGGING_FACE).trim_end_matches('/');
        let path: String = path.split_terminator('/').map(|part| encode(part) + "/").collect();
        let prefix = format!("{base}/{}/{}/resolve/{}/{path}", encode(owner), encode(repo), encode(revision));
        return Some(Folder { prefix, suffix: String::new(), name: format!("{owner}/{repo}") });
    }
    let (path, rest) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
    let prefix = if path.ends_with('/') { path } else { folder_of(path).filter(|folder| !folder.is_empty())? };
    let suffix = &rest[..rest.find('#').unwrap_or(rest.len())];
    Some(Folder { prefix: prefix.to_owned(), suffix: suffix.to_owned(), name: file_name(prefix) })
}

/// The folder of a path that names a folder (nothing, or with a slash at its end), or a file that belongs to one.
fn folder_of(path: &str) -> Option<&str> {
    let (folder, file) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    let belongs = file.is_empty()
        || file.ends_with(".safetensors")
        || matches!(file, "config.json" | "model.safetensors.index.json" | "tokenizer.json" | "adapter_config.json");
    belongs.then_some(folder)
}

/// `owner/repo@revision` of a repository's page on a hub.
fn repository(address: &str, hf_base: Option<&str>) -> Option<String> {
    let own = hf_base.map(|base| base.trim_end_matches('/'));
    let bases = own.into_iter().chain([HUGGING_FACE, "https://hf.co"]);
    let path = bases.into_iter().find_map(|base| address.strip_prefix(base)?.strip_prefix('/'))?;
    let path = path[..path.find(['?', '#']).unwrap_or(path.len())].trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [owner, repo] => Some(format!("{owner}/{repo}")),
        [owner, repo, "tree", revision] => Some(format!("{owner}/{repo}@{revision}")),
        _ => None,
    }
}

/// Where a Hugging Face hub (at `hf_base`, or the public one) gives the Git LFS pointer of the file at `address`, which
/// names its SHA-256; `None` for files elsewhere. The file's own answer is a redirect whose headers no page can read.
pub fn pointer(address: &str, hf_base: Option<&str>) -> Option<String> {
    let own = hf_base.map(|base| base.trim_end_matches('/'));
    let bases = own.into_iter().chain([HUGGING_FACE, "https://hf.co"]);
    let (base, path) = bases.into_iter().find_map(|base| {
        let path = address.strip_prefix(base)?.strip_prefix('/')?;
        Some((base, &path[..path.find(['?', '#']).unwrap_or(path.len())]))
    })?;
    let (repo, file) = path.split_once("/resolve/")?;
    Some(format!("{base}/{repo}/raw/{file}"))
}

/// Percent-encodes what may not stand in one path segment.
fn encode(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for &byte in segment.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'+' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The addresses of all parts when `address` names one part of a split GGUF (`-00001-of-00003.gguf`), in order;
/// otherwise the address alone. A query or fragment is kept on every part.
///
/// # Errors
/// `invalid_argument` when the part number is not within the count, or the count is absurd.
pub fn parts(address: &str) -> Result<Vec<String>> {
    let path_end = address.find(['?', '#']).unwrap_or(address.len());
    let (path, rest) = address.split_at(path_end);
    let Some((prefix, index, count)) = split_name(path) else { return Ok(vec![address.to_owned()]) };
    if index == 0 || index > count || count > MAX_PARTS {
        let message =
            format!("{address}: part {index} of {count} cannot be; parts count from 00001, at most {MAX_PARTS}");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok((1..=count).map(|part| format!("{prefix}-{part:05}-of-{count:05}.gguf{rest}")).collect())
}

/// Takes `prefix-00001-of-00003.gguf` apart.
fn split_name(path: &str) -> Option<(&str, u32, u32)> {
    let stem = path.strip_suffix(".gguf")?;
    let (stem, count) = stem.rsplit_once("-of-")?;
    let (prefix, index) = stem.rsplit_once('-')?;
    let number = |text: &str| {
        (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten()
    };
    Some((prefix, number(index)?, number(count)?))
}

/// The file's name in an address, percent-decoded: what a list of models shows.
pub fn file_name(address: &str) -> String {
    let path = &address[..address.find(['?', '#']).unwrap_or(address.len())];
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    let mut bytes = Vec::with_capacity(last.len());
    let mut rest = last.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hugging_face_shorthand_becomes_the_public_address() {
        assert_eq!(
            resolve("hf:microsoft/bitnet-b1.58-2B-4T-gguf/ggml-model-i2_s.gguf", None).unwrap(),
            "https://huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf/resolve/main/ggml-model-i2_s.gguf"
        );
        assert_eq!(
            resolve("hf:o/r@v1.0/sub dir/a#b.gguf", Some("https://mirror.example/hf/")).unwrap(),
            "https://mirror.example/hf/o/r/resolve/v1.0/sub%20dir/a%23b.gguf"
        );
        assert_eq!(resolve("https://a.example/m.gguf?x=1", None).unwrap(), "https://a.example/m.gguf?x=1");
        for bad in ["hf:", "hf:owner", "hf:owner/repo", "hf:owner/repo/", "hf:/repo/f", "hf:o/r@/f", "hf:o/r/../x"] {
            assert_eq!(resolve(bad, None).unwrap_err().code(), "invalid_argument", "{bad}");
        }
    }

    #[test]
    fn a_folder_is_told_from_a_file() {
        let there = |address: &str| folder(address, None).map(|folder| folder.file("config.json"));
        let within = folder("hf:o/r", None).map(|folder| folder.file("1_Pooling/config.json"));
        assert_eq!(within.unwrap(), "https://huggingface.co/o/r/resolve/main/1_Pooling/config.json");
        let hub = |path: &str| Some(format!("https://huggingface.co/{path}/config.json"));
        assert_eq!(there("hf:o/r"), hub("o/r/resolve/main"));
        assert_eq!(there("hf:o/r@v 1"), hub("o/r/resolve/v%201"));
        assert_eq!(there("hf:o/r/"), hub("o/r/resolve/main"));
        assert_eq!(there("hf:o/r/sub dir/"), hub("o/r/resolve/main/sub%20dir"));
        assert_eq!(there("hf:o/r/sub/model.safetensors"), hub("o/r/resolve/main/sub"));
        assert_eq!(there("https://huggingface.co/o/r"), hub("o/r/resolve/main"));
        assert_eq!(there("https://huggingface.co/o/r/tree/v1/"), hub("o/r/resolve/v1"));
        assert_eq!(there("https://a.example/m/?x=1#y"), Some("https://a.example/m/config.json?x=1".into()));
        assert_eq!(there("/m/model.safetensors.index.json?x"), Some("/m/config.json?x".into()));
        assert_eq!(folder("https://a.example/my%20model/", None).unwrap().name, "my model");
        assert_eq!(folder("hf:o/r@v1", Some("http://l/hub/")).unwrap().prefix, "http://l/hub/o/r/resolve/v1/");
        for file in [
            "hf:o",
            "hf:",
            "hf:o/",
            "hf:/r",
            "hf:o/r@",
            "hf:o/r/m.gguf",
            "hf:o/../x/",
            "hf:o/r/../config.json",
            "https://a.example/m.gguf",
            "m.gguf",
            "https://huggingface.co/o/r/blob/main/m.gguf",
            "config.json.gguf",
        ] {
            assert_eq!(there(file), None, "{file}");
        }
    }

    #[test]
    fn the_hub_has_a_pointer_beside_each_file() {
        let there = |address, base| pointer(address, base);
        let raw = Some("https://huggingface.co/o/r/raw/main/sub/m.gguf".to_owned());
        assert_eq!(there("https://huggingface.co/o/r/resolve/main/sub/m.gguf?download=true", None), raw);
        let local = Some("http://localhost:8000/hub/o/r/raw/v1/m.gguf".to_owned());
        for base in ["http://localhost:8000/hub", "http://localhost:8000/hub/"] {
            assert_eq!(there("http://localhost:8000/hub/o/r/resolve/v1/m.gguf", Some(base)), local);
        }
        for elsewhere in [
            "https://huggingface.co.evil.example/o/r/resolve/main/m.gguf",
            "https://huggingface.co/o/r/blob/main/m.gguf",
            "https://a.example/o/r/resolve/main/m.gguf",
        ] {
            assert_eq!(there(elsewhere, None), None, "{elsewhere}");
        }
    }

    #[test]
    fn any_part_of_a_split_file_names_all_of_them() {
        let expected =
            ["m-00001-of-00003.gguf?d=1", "m-00002-of-00003.gguf?d=1", "m-00003-of-00003.gguf?d=1"].map(String::from);
        assert_eq!(parts("m-00001-of-00003.gguf?d=1").unwrap(), expected);
        assert_eq!(parts("m-00003-of-00003.gguf?d=1").unwrap(), expected);
        for whole in ["m.gguf", "m-1-of-3.gguf", "m-00001-of-00003.bin", "x-of-00003.gguf"] {
            assert_eq!(parts(whole).unwrap(), [whole]);
        }
        for bad in ["m-00000-of-00003.gguf", "m-00004-of-00003.gguf", "m-00001-of-99999.gguf"] {
            assert_eq!(parts(bad).unwrap_err().code(), "invalid_argument", "{bad}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_readable() {
        assert_eq!(file_name("https://a.example/x/my%20model.gguf?token=1#f"), "my model.gguf");
        assert_eq!(file_name("m.gguf"), "m.gguf");
        assert_eq!(file_name("https://a.example/50%"), "50%");
    }
}
