//! HTTP/1.1 for the server of the pages: requests without a body, a thread for each connection.
//!
//! A browser holds its connections open and may leave some of them idle, so none may wait for a thread that another one has.

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The longest head of a request, in bytes, and the most lines in it.
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 100;
/// How long to wait after a connection could not be taken, as where the process has too many files open.
const PAUSE: Duration = Duration::from_millis(50);

/// The head of a request.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub method: String,
    /// What follows the method: a path and its query.
    pub target: String,
    headers: Vec<(String, String)>,
    /// Whether another request may follow over the same connection.
    keeps: bool,
}

impl Request {
    /// The value of a header, whose name may be written in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads a head, and says how many bytes it has; none where `bytes` do not have all of it.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(bytes)? else { return Ok(None) };
        let headers = head.headers.iter();
        let headers =
            headers.map(|one| (one.name.to_owned(), String::from_utf8_lossy(one.value).into_owned())).collect();
        let mut request = Self {
            method: head.method.unwrap_or_default().to_owned(),
            target: head.path.unwrap_or_default().to_owned(),
            headers,
            keeps: false,
        };
        // A body is never read, so what follows one could not be told from it.
        let body = request.header("Transfer-Encoding").is_some()
            || request.header("Content-Length").is_some_and(|length| length.trim() != "0");
        let closes = request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        request.keeps = head.version == Some(1) && !closes && !body;
        Ok(Some((request, length)))
    }
}

/// The answer to a request.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// At least `length` bytes.
    pub body: Box<dyn Read + Send>,
    pub length: u64,
}

impl Answer {
    /// A sentence.
    pub fn plain(status: u16, text: &str) -> Self {
        let bytes = format!("{text}\n").into_bytes();
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
        Self { status, headers, length: bytes.len() as u64, body: Box::new(io::Cursor::new(bytes)) }
    }

    fn send(self, request: &Request, stream: &TcpStream) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(64 << 10, stream);
        write!(out, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status))?;
        // Of a file that has not changed it would be the length of what is not sent.
        if self.status != 304 {
            write!(out, "Content-Length: {}\r\n", self.length)?;
        }
        for (name, value) in &self.headers {
            write!(out, "{name}: {value}\r\n")?;
        }
        write!(out, "Connection: {}\r\n\r\n", if request.keeps { "keep-alive" } else { "close" })?;
        if request.method != "HEAD" && io::copy(&mut self.body.take(self.length), &mut out)? < self.length {
            return Err(ErrorKind::UnexpectedEof.into()); // a file that was cut while it was sent
        }
        out.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        _ => "Internal Server Error",
    }
}

/// Answers requests until the process ends.
pub fn serve<A>(listener: &TcpListener, answer: A)
where
    A: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        let answer = Arc::clone(&answer);
        let connection = thread::Builder::new().spawn(move || {
            // A browser that goes away in the middle of an answer is no event.
            let _ = converse(&stream, &*answer);
        });
        // Without a thread the connection is closed, and the browser tries again.
        drop(connection);
    }
}

/// Answers one request after another until a side ends the connection.
fn converse(mut stream: &TcpStream, answer: &dyn Fn(&Request) -> Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match Request::parse(&bytes) {
            Ok(Some((request, length))) => {
                bytes.drain(..length);
                answer(&request).send(&request, stream)?;
                if !request.keeps {
                    return Ok(());
                }
            }
            Ok(None) if bytes.len() < LONGEST_HEAD => match stream.read(&mut piece)? {
                0 => return Ok(()),
                count => bytes.extend_from_slice(&piece[..count]),
            },
            _ => {
                let none = Request { method: String::new(), target: String::new(), headers: vec![], keeps: false };
                return Answer::plain(400, "no request of HTTP/1.1 that is understood here").send(&none, stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::sync::mpsc;

    use anyhow::{Context, Result};

    use super::*;

    /// A server whose answer is the target it was asked for; "/wait" waits until the test lets it go on.
    fn echo() -> Result<(u16, mpsc::Sender<()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let (go, wait) = mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        thread::spawn(move || {
            serve(&listener, move |request| {
                if request.target == "/wait" {
                    let _ = wait.lock().map(|wait| wait.recv());
                }
                Answer::plain(200, &request.target)
            });
        });
        Ok((port, go))
    }

    /// Reads one answer, whose body is a line.
    fn answer(mut stream: &TcpStream) -> Result<String> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut text = Vec::new();
        let mut byte = [0];
        let mut ends = 0;
        while ends < 2 {
            stream.read_exact(&mut byte).with_context(|| String::from_utf8_lossy(&text).into_owned())?;
            text.push(byte[0]);
            // The head ends with an empty line, and the body with a line break.
            let head_ends = ends == 0 && text.ends_with(b"\r\n\r\n");
            ends += usize::from(head_ends || ends == 1 && byte[0] == b'\n');
        }
        Ok(String::from_utf8(text)?.split("\r\n\r\n").nth(1).context("a body")?.trim().to_owned())
    }

    #[test]
    fn every_connection_of_a_burst_is_answered_while_others_stay_open() -> Result<()> {
        for _ in 0..20 {
            let (port, _go) = echo()?;
            let streams: Vec<_> =
                (0..12).map(|_| TcpStream::connect(("127.0.0.1", port))).collect::<io::Result<_>>()?;
            // The last ones first: all others are open and idle.
            for (index, mut stream) in streams.iter().enumerate().rev() {
                write!(stream, "GET /{index} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
                assert_eq!(answer(stream)?, format!("/{index}"));
            }
        }
        Ok(())
    }

    #[test]
    fn an_answer_that_takes_long_holds_up_no_other_connection() -> Result<()> {
        let (port, go) = echo()?;
        let mut slow = TcpStream::connect(("127.0.0.1", port))?;
        write!(slow, "GET /wait HTTP/1.1\r\n\r\n")?;
        let mut quick = TcpStream::connect(("127.0.0.1", port))?;
        for target in ["/1", "/2"] {
            write!(quick, "GET {target} HTTP/1.1\r\n\r\n")?;
            assert_eq!(answer(&quick)?, target, "two over one connection");
        }
        // Cut in the middle of a request, which ends that connection and nothing else.
        let mut cut = TcpStream::connect(("127.0.0.1", port))?;
        write!(cut, "GET /never HT")?;
        cut.shutdown(Shutdown::Both)?;
        go.send(())?;
        assert_eq!(answer(&slow)?, "/wait");
        Ok(())
    }

    #[test]
    fn heads() -> Result<()> {
        let parsed = |text: &str| Request::parse(text.as_bytes());
        for part in ["", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            assert_eq!(parsed(part), Ok(None), "{part:?}");
        }
        for (text, keeps) in [
            ("GET /a?b HTTP/1.1\r\nhost: a\r\n\r\n", true),
            ("GET /a?b HTTP/1.1\r\nHOST: a\r\nConnection: Close\r\n\r\n", false),
            ("GET /a?b HTTP/1.0\r\nHost: a\r\n\r\n", false),
            ("GET /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", false),
            ("GET /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET", true),
            ("GET /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", false),
        ] {
            let (request, length) = parsed(text)?.context("a whole head")?;
            assert_eq!((request.target.as_str(), request.header("Host")), ("/a?b", Some("a")), "{text:?}");
            assert_eq!(request.keeps, keeps, "{text:?}");
            assert_eq!(length, text.find("\r\n\r\n").context("an end")? + 4, "{text:?}");
        }
        assert!(parsed("nonsense \u{1}\r\n\r\n").is_err());
        let (port, _go) = echo()?;
        for text in ["nonsense\r\n\r\n".to_owned(), format!("GET /{} HTTP/1.1\r\n", "a".repeat(LONGEST_HEAD))] {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.write_all(text.as_bytes())?;
            assert!(answer(&stream)?.starts_with("no request"));
        }
        Ok(())
    }
}
