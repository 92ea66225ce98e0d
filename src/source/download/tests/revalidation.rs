//! Complete files that the server is asked about.

use super::*;

#[test]
fn a_complete_file_is_revalidated_on_request() {
    let bytes = file(250);
    let start = || {
        let manifest = stored(&bytes, &[0, 1, 2], etag("\"a\"", 250));
        let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
        d.revalidate();
        let (request, range) = get(&mut d, NOW);
        assert_eq!(range, Some((0, 1)));
        assert!(matches!(d.next(NOW), Action::Wait { .. }));
        (d, request)
    };
    let (mut d, request) = start();
    d.head(request, &part(0, 1, 250, "\"a\""), NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    assert!(matches!(d.next(NOW), Action::Load { index: 0, .. }));

    let (mut d, request) = start();
    d.failed(request, Error::new(ErrorKind::Network, "offline"), NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. } | Action::Load { index: 0, .. }));
    assert!(d.is_trusted());

    let (mut d, request) = start();
    d.head(request, &part(0, 1, 250, "\"b\""), NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    assert!(matches!(d.next(NOW), Action::Forget { .. }));
    assert_eq!(get(&mut d, NOW).1, Some((0, 100)));
}

#[test]
fn revalidation_refuses_what_the_server_refuses_and_says_what_it_used_otherwise() {
    let bytes = file(250);
    let ask = |head: ResponseHead| {
        let manifest = stored(&bytes, &[0, 1, 2], etag("\"a\"", 250));
        let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
        d.revalidate();
        let (request, _) = get(&mut d, NOW);
        d.head(request, &head, NOW);
        d
    };
    let status = |status| ResponseHead { status, ..ResponseHead::default() };
    let page = ResponseHead { content_type: Some("text/html".into()), ..status(200) };
    for (head, code) in [
        (status(401), "unauthorized"),
        (status(403), "forbidden"),
        (status(404), "not_found"),
        (status(410), "not_found"),
        (page, "network"),
    ] {
        let mut d = ask(head);
        let error = loop {
            match d.next(NOW) {
                Action::Fail(error) => break error,
                Action::Cancel { .. } => {}
                other => panic!("{code}: {other:?}"),
            }
        };
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains("in the cache was not used, and stays"), "{error}");
    }
    for head in [status(503), status(429), part(0, 1, 250, "")] {
        let shown = format!("{head:?}");
        let mut d = ask(ResponseHead { content_range: None, ..head });
        assert!(matches!(d.next(NOW), Action::Cancel { .. }));
        assert!(matches!(d.next(NOW), Action::Load { .. }));
        let message = d.progress(NOW).message.unwrap_or_default();
        assert!(message.contains("the file in the cache is used"), "{shown}: {message}");
    }
}
