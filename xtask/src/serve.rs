//! A static file server for one machine: what a good host sends, nothing more.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

use crate::http::{self, Answer, Request};
use crate::pages::Policies;

/// Where the search for a free port begins.
const FIRST_PORT: u16 = 8017;

/// Folders and the address prefix (ending in a slash) under which each is served; the first prefix that fits wins.
pub type Mounts = Vec<(&'static str, PathBuf)>;

/// A server that has its port and does not answer yet.
pub struct Site {
    listener: TcpListener,
    mounts: Mounts,
    port: u16,
    /// The Content-Security-Policies of scripts, which are those of workers.
    policies: Option<Policies>,
    /// Makes the documents that are no files.
    made: Option<Maker>,
    packed: Packed,
}

/// Makes the document at an address, or knows none there.
pub type Maker = Box<dyn Fn(&str) -> Option<Result<String>> + Send + Sync>;

impl Site {
    /// Takes `port`, or a free one where the caller does not care, on this machine only.
    pub fn bind(port: Option<u16>, mounts: Mounts) -> Result<Self> {
        let listener = listen(port)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, mounts, port, policies: None, made: None, packed: Packed::default() })
    }

    /// Sends a policy with every script: the sealed one with those below `/sealed/`.
    pub fn with_policies(mut self, policies: Policies) -> Self {
        self.policies = Some(policies);
        self
    }

    /// Asks `made` first for every document.
    pub fn with_made(mut self, made: Maker) -> Self {
        self.made = Some(made);
        self
    }

    /// The start page's address.
    pub fn address(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// Answers requests until the process ends.
    pub fn serve(self) -> Result<()> {
        let listener = self.listener.try_clone()?;
        http::serve(&listener, move |request| self.answer(request));
        Ok(())
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut answer = self.content(request);
        // The first three isolate the page, without which there is no shared memory and so no threads.
        let fixed = [
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Embedder-Policy", "require-corp"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            // Kept, and asked after each time: an answer without a body where nothing has changed.
            ("Cache-Control", "no-cache"),
            ("X-Content-Type-Options", "nosniff"),
        ];
        answer.headers.extend(fixed.map(|(name, value)| (name, value.to_owned())));
        answer
    }

    fn content(&self, request: &Request) -> Answer {
        if !["GET", "HEAD"].contains(&request.method.as_str()) {
            return Answer::plain(405, "only GET and HEAD");
        }
        let Some(path) = self.locate(&request.target) else {
            return Answer::plain(404, "not found");
        };
        let address = request.target.split(['?', '#']).next().unwrap_or_default();
        match self.made.as_ref().and_then(|made| made(address)) {
            Some(Ok(text)) => return respond(200, mime(&path), Bytes::from(text.into_bytes()), vec![]),
            Some(Err(error)) => return Answer::plain(500, &format!("{error:#}")),
            None => {}
        }
        let header = |name| request.header(name);
        let asked =
            Asked { range: header("Range"), encodings: header("Accept-Encoding"), known: header("If-None-Match") };
        match file_answer(&path, &asked, &self.packed) {
            Ok(mut answer) => {
                answer.headers.extend(self.policy_of(&request.target, &path));
                answer
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Answer::plain(404, "not found"),
            Err(error) => Answer::plain(500, &error.to_string()),
        }
    }

    /// The policy that goes with a script.
    fn policy_of(&self, target: &str, path: &Path) -> Option<(&'static str, String)> {
        let policies =
            self.policies.as_ref().filter(|_| path.extension().is_some_and(|extension| extension == "js"))?;
        let policy = if target.contains("/sealed/") { &policies.sealed } else { &policies.open };
        Some(("Content-Security-Policy", policy.clone()))
    }

    /// The file behind an address; nothing outside the mounted folders.
    fn locate(&self, target: &str) -> Option<PathBuf> {
        let path = decode(target.split(['?', '#']).next()?)?;
        let (prefix, folder) = self.mounts.iter().find(|(prefix, _)| path.starts_with(prefix))?;
        let relative = Path::new(&path[prefix.len()..]);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let file = folder.join(relative);
        Some(if path.ends_with('/') { file.join("index.html") } else { file })
    }
}

fn listen(port: Option<u16>) -> Result<TcpListener> {
    if let Some(port) = port {
        return TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} cannot be had; try another --port"));
    }
    for port in FIRST_PORT..FIRST_PORT + 50 {
        match TcpListener::bind(("127.0.0.1", port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            other => return Ok(other?),
        }
    }
    bail!("no free port from {FIRST_PORT} on; name one with --port")
}

/// What a request says about the answer that it wants.
struct Asked<'a> {
    range: Option<&'a str>,
    encodings: Option<&'a str>,
    /// The tag of the file that the browser has.
    known: Option<&'a str>,
}

/// The file, or the part of it that is asked for; whole files compressed, where that is taken and makes them smaller.
fn file_answer(path: &Path, asked: &Asked<'_>, packed: &Packed) -> std::io::Result<Answer> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let length = meta.len();
    let modified = meta.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let tag = format!("\"{modified:x}-{length:x}\"");
    if asked.range.is_none() && asked.known == Some(tag.as_str()) {
        return Ok(respond(304, mime(path), Bytes::from(vec![]), vec![("ETag", tag)]));
    }
    let etag = ("ETag", tag.clone());
    match asked.range.map(|range| parse_range(range, length)) {
        None | Some(Range::Ignored) => {
            let mut extra = vec![etag, ("Accept-Ranges", "bytes".to_owned()), ("Vary", "Accept-Encoding".to_owned())];
            if takes_brotli(asked.encodings.unwrap_or_default())
                && let Some(bytes) = packed.of(path, &tag)?
            {
                extra.push(("Content-Encoding", "br".to_owned()));
                return Ok(respond(200, mime(path), Bytes::from(bytes), extra));
            }
            Ok(respond(200, mime(path), Bytes { length, read: Box::new(file) }, extra))
        }
        Some(Range::Part { start, end }) => {
            file.seek(SeekFrom::Start(start))?;
            let extra = vec![etag, ("Content-Range", format!("bytes {start}-{}/{length}", end - 1))];
            Ok(respond(206, mime(path), Bytes { length: end - start, read: Box::new(file) }, extra))
        }
        Some(Range::Outside) => {
            let extra = vec![("Content-Range", format!("bytes */{length}"))];
            Ok(respond(416, "text/plain; charset=utf-8", Bytes::from(vec![]), extra))
        }
    }
}

/// Whether an `Accept-Encoding` names Brotli, and not with the weight 0.
fn takes_brotli(encodings: &str) -> bool {
    encodings.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next() == Some("br") && !parts.any(|weight| weight.trim_start_matches("q=").parse() == Ok(0.0))
    })
}

/// Files as they were compressed when they were first asked for.
#[derive(Default)]
struct Packed(Mutex<HashMap<PathBuf, Arc<Mutex<PackedFile>>>>);

/// A file's compressed bytes, with the tag that the file had then. Its lock is held while it is compressed: who asks for the same
/// file waits for that, who asks for another does not.
#[derive(Default)]
struct PackedFile {
    tag: String,
    bytes: Arc<[u8]>,
}

impl Packed {
    /// Brotli's quality where somebody waits for it, and its window as a power of two.
    const QUALITY: u32 = 5;
    const WINDOW: u32 = 22;
    /// Smaller files are sent as fast as they are, in bytes.
    const LEAST: u64 = 1024;

    /// The compressed bytes of a file, if it is of a kind that gets smaller. Models do not, and are loaded by range.
    fn of(&self, path: &Path, tag: &str) -> std::io::Result<Option<Arc<[u8]>>> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let shrinks =
            matches!(extension, Some("html" | "js" | "css" | "wasm" | "json" | "webmanifest" | "svg" | "txt"));
        if !shrinks || std::fs::metadata(path)?.len() < Self::LEAST {
            return Ok(None);
        }
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = Arc::clone(files.entry(path.to_owned()).or_default());
        drop(files);
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.tag != tag {
            let mut bytes = Vec::new();
            let mut writer = brotli::CompressorWriter::new(&mut bytes, 1 << 16, Self::QUALITY, Self::WINDOW);
            std::io::copy(&mut File::open(path)?, &mut writer)?;
            drop(writer);
            *file = PackedFile { tag: tag.to_owned(), bytes: bytes.into() };
        }
        Ok(Some(Arc::clone(&file.bytes)))
    }
}

/// What an answer carries.
struct Bytes {
    read: Box<dyn Read + Send>,
    length: u64,
}

impl<T: AsRef<[u8]> + Send + 'static> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self { length: bytes.as_ref().len() as u64, read: Box::new(Cursor::new(bytes)) }
    }
}

fn respond(status: u16, mime: &str, body: Bytes, mut headers: Vec<(&'static str, String)>) -> Answer {
    headers.push(("Content-Type", mime.to_owned()));
    Answer { status, headers, body: body.read, length: body.length }
}

#[derive(Debug, PartialEq)]
enum Range {
    /// From `start` up to, not including, `end`.
    Part { start: u64, end: u64 },
    /// Nothing of the file lies in it.
    Outside,
    /// Not a form that is served here: the whole file answers it, as RFC 9110 allows.
    Ignored,
}

/// Reads `bytes=a-b`, `bytes=a-` and `bytes=-n` for a file of `length` bytes.
fn parse_range(text: &str, length: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|spec| spec.trim().split_once('-')) else {
        return Range::Ignored;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(length)),
        (Ok(start), Err(_)) if last.is_empty() => (start, length),
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), length),
        _ => return Range::Ignored,
    };
    match part {
        (start, end) if start < end => Range::Part { start, end },
        _ => Range::Outside,
    }
}

/// Undoes percent-encoding; nothing where that is broken or not text.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Opens the address in the user's browser where there is a way to; the address is printed in any case.
pub fn open(address: &str) {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        // Without a display xdg-open would start a text browser in this terminal.
        _ if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() => return,
        _ => "xdg-open",
    };
    let mut command = std::process::Command::new(opener);
    let quiet = command.arg(address).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    // No opener, no harm: the user can follow the printed address.
    let _ = quiet.spawn();
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;
    use std::thread;

    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse_range("bytes=0-0", 10), Range::Part { start: 0, end: 1 });
        assert_eq!(parse_range("bytes=2-99", 10), Range::Part { start: 2, end: 10 });
        assert_eq!(parse_range("bytes=4-", 10), Range::Part { start: 4, end: 10 });
        assert_eq!(parse_range("bytes=-3", 10), Range::Part { start: 7, end: 10 });
        assert_eq!(parse_range("bytes=-30", 10), Range::Part { start: 0, end: 10 });
        assert_eq!(parse_range("bytes=10-", 10), Range::Outside);
        assert_eq!(parse_range("bytes=-0", 10), Range::Outside);
        assert_eq!(parse_range("bytes=0-18446744073709551615", 10), Range::Part { start: 0, end: 10 });
        for odd in ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5", "bytes"] {
            assert_eq!(parse_range(odd, 10), Range::Ignored, "{odd}");
        }
    }

    #[test]
    fn only_mounted_files() -> Result<()> {
        let mounts = vec![("/dist/", PathBuf::from("d")), ("/", PathBuf::from("w"))];
        let site = Site::bind(Some(0), mounts)?;
        assert_eq!(site.locate("/"), Some(PathBuf::from("w/index.html")));
        assert_eq!(site.locate("/a%20b.js?x=1#y"), Some(PathBuf::from("w/a b.js")));
        assert_eq!(site.locate("/dist/index.js"), Some(PathBuf::from("d/index.js")));
        for outside in ["/../x", "/a/../../x", "/%2e%2e/x", "/dist/../../x", "//etc/passwd", "/%zz", "x", ""] {
            assert_eq!(site.locate(outside), None, "{outside}");
        }
        Ok(())
    }

    /// One request over a real connection: the answer's head, and its body.
    fn ask(port: u16, request: &str) -> Result<(String, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(format!("{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a head")?;
        Ok((head.to_owned(), body.to_owned()))
    }

    #[test]
    fn answers_are_isolated_and_ranged() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("bitnet-web-serve-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("model.gguf"), "0123456789")?;
        std::fs::write(folder.join("index.html"), "<!doctype html>")?;
        std::fs::write(folder.join("worker.js"), "0")?;
        std::fs::create_dir_all(folder.join("sealed"))?;
        std::fs::write(folder.join("sealed/worker.js"), "0")?;
        let site = Site::bind(Some(0), vec![("/", folder.clone())])?;
        let site =
            site.with_policies(Policies { open: "default-src 'none'".into(), sealed: "connect-src 'self'".into() });
        let port = site.port;
        thread::spawn(|| site.serve());

        let (head, body) = ask(port, "GET / HTTP/1.1")?;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("Content-Type: text/html"), "{head}");
        assert!(head.contains("Cross-Origin-Opener-Policy: same-origin"), "{head}");
        assert!(head.contains("Cross-Origin-Embedder-Policy: require-corp"), "{head}");
        assert_eq!(body, "<!doctype html>");

        assert!(!head.contains("Content-Security-Policy"), "{head}");

        let (head, _) = ask(port, "GET /worker.js HTTP/1.1")?;
        assert!(head.contains("Content-Security-Policy: default-src 'none'"), "{head}");
        let (head, _) = ask(port, "GET /sealed/worker.js HTTP/1.1")?;
        assert!(head.contains("Content-Security-Policy: connect-src 'self'"), "{head}");

        let (head, body) = ask(port, "GET /model.gguf HTTP/1.1\r\nRange: bytes=2-4")?;
        assert!(head.starts_with("HTTP/1.1 206"), "{head}");
        assert!(head.contains("Content-Range: bytes 2-4/10"), "{head}");
        assert!(head.contains("Content-Length: 3"), "{head}");
        assert_eq!(body, "234");

        let (head, _) = ask(port, "GET /model.gguf HTTP/1.1\r\nRange: bytes=10-")?;
        assert!(head.starts_with("HTTP/1.1 416") && head.contains("Content-Range: bytes */10"), "{head}");
        let (head, body) = ask(port, "HEAD /model.gguf HTTP/1.1")?;
        assert!(head.contains("Content-Length: 10") && body.is_empty(), "{head}");
        assert!(ask(port, "GET /missing HTTP/1.1")?.0.starts_with("HTTP/1.1 404"));
        assert!(ask(port, "POST / HTTP/1.1\r\nContent-Length: 0")?.0.starts_with("HTTP/1.1 405"));
        std::fs::remove_dir_all(folder)?;
        Ok(())
    }

    #[test]
    fn who_takes_it_gets_a_file_compressed_and_a_known_file_is_not_sent_again() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("bitnet-web-packed-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let text = "the same words again and again; ".repeat(100);
        for name in ["a.js", "b.gguf"] {
            std::fs::write(folder.join(name), &text)?;
        }
        let site = Site::bind(Some(0), vec![("/", folder.clone())])?;
        let site = site.with_made(Box::new(|address| (address == "/made.html").then(|| Ok("made".to_owned()))));
        let port = site.port;
        thread::spawn(|| site.serve());
        let get = |name: &str, header: &str| -> Result<(String, Vec<u8>)> {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            write!(stream, "GET /{name} HTTP/1.1\r\n{header}\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("an answer has a head")?;
            Ok((String::from_utf8(answer[..end].to_vec())?, answer[end + 4..].to_vec()))
        };
        for _ in 0..2 {
            let (head, body) = get("a.js", "Accept-Encoding: gzip, br")?;
            assert!(head.contains("Content-Encoding: br") && head.contains("Content-Type: text/javascript"), "{head}");
            let mut unpacked = String::new();
            brotli::Decompressor::new(&body[..], 4096).read_to_string(&mut unpacked)?;
            assert_eq!(unpacked, text);
        }
        for (name, header) in [
            ("a.js", "Accept-Encoding: br;q=0, gzip"),
            ("a.js", "Accept-Encoding: identity"),
            ("a.js", "X-None: 0"),
            ("b.gguf", "Accept-Encoding: br"),
        ] {
            let (head, body) = get(name, header)?;
            assert!(!head.contains("Content-Encoding") && body == text.as_bytes(), "{name}, {header}: {head}");
        }
        assert_eq!(get("a.js", "Range: bytes=0-2\r\nAccept-Encoding: br")?.1, b"the");
        let (head, _) = get("a.js", "X-None: 0")?;
        let tag = head.split("ETag: ").nth(1).and_then(|rest| rest.lines().next()).context("a tag")?;
        let (head, body) = get("a.js", &format!("If-None-Match: {tag}"))?;
        assert!(head.starts_with("HTTP/1.1 304") && body.is_empty(), "{head}");
        assert_eq!(get("made.html?x", "X-None: 0")?.1, b"made");
        std::fs::remove_dir_all(folder)?;
        Ok(())
    }
}
