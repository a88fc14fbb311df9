//! Stanzas as clients and attackers write them.

use std::borrow::Cow;
use std::fmt::Write;

use proptest::prelude::*;

use super::{MAX_ARCHIVES, MAX_ATTACHMENTS, MAX_SIZE, Stanza};

fn read(xml: &str) -> Stanza<'_> {
    Stanza::read(xml).unwrap_or_else(|error| panic!("{error}: {xml:.200}"))
}

fn body(children: &str) -> Option<String> {
    let xml = format!("<message>{children}</message>");
    read(&xml).body.text().map(Cow::into_owned)
}

#[test]
fn all_there_is() {
    let stanza = read(
        "<message xmlns='jabber:client' type='chat' id='m1' to='bob@localhost' xml:lang='en'>\
         <body>Hi</body><subject>About</subject><thread parent='t0'>t1</thread>\
         <x xmlns='jabber:x:oob'><url> https://a.example/f.png </url><desc>A file</desc></x>\
         <x xmlns='jabber:x:oob'><url>https://a.example/g.png</url></x>\
         <no-copy xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/>\
         <origin-id xmlns='urn:xmpp:sid:0' id='o1'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' id='a1' by='bob@localhost'/>\
         <active xmlns='http://jabber.org/protocol/chatstates'/></message>",
    );
    assert_eq!(stanza.id.as_deref(), Some("m1"));
    assert_eq!(stanza.thread.as_deref(), Some("t1"));
    let attachments: Vec<_> = stanza
        .attachments
        .iter()
        .map(|file| (&*file.url, file.description.as_deref()))
        .collect();
    let expected = [
        ("https://a.example/f.png", Some("A file")),
        ("https://a.example/g.png", None),
    ];
    assert_eq!(attachments, expected);
    assert_eq!(stanza.hints, ["no_copy", "store"]);
    assert_eq!(stanza.origin_id.as_deref(), Some("o1"));
    assert_eq!(stanza.archives, [("bob@localhost".into(), "a1".into())]);
    assert_eq!(stanza.subject.text().as_deref(), Some("About"));
    assert_eq!(stanza.body.text().as_deref(), Some("Hi"));
}

#[test]
fn nothing_there() {
    for xml in [
        "",
        "<message/>",
        "<message></message>",
        "<iq id=''><query/></iq>",
    ] {
        assert_eq!(read(xml), Stanza::default(), "{xml}");
    }
    assert_eq!(body("<body/><subject/><thread/>"), None);
    let empty =
        read("<message><thread/><x xmlns='jabber:x:oob'><url/><desc>d</desc></x></message>");
    assert_eq!(empty, Stanza::default());
}

#[test]
fn the_body_without_a_language_or_else_the_first() {
    let in_languages = "<body xml:lang='de'>1</body><body xml:lang='fr'>2</body>\
        <body>3</body><body xml:lang='pl'>4</body><body>5</body>";
    assert_eq!(body(in_languages).as_deref(), Some("3"));
    let all_in_languages = "<body xml:lang='de'>1</body><body xml:lang='fr'>2</body>";
    assert_eq!(body(all_in_languages).as_deref(), Some("1"));
    let first = "<body>1</body><body xml:lang='fr'>2</body><body>3</body>";
    assert_eq!(body(first).as_deref(), Some("1"));
    let xml = "<message><subject xml:lang='de'>1</subject><subject>2</subject></message>";
    assert_eq!(read(xml).subject.text().as_deref(), Some("2"));
}

#[test]
fn text_in_pieces() {
    for (xml, expected) in [
        ("a &lt;b&gt; &amp;amp; &quot;c&apos;", "a <b> &amp; \"c'"),
        ("&#233;&#x1F980; &#10;", "é🦀 \n"),
        ("<![CDATA[<a> & ]]>b", "<a> & b"),
        ("1<![CDATA[2]]>3<![CDATA[4]]>", "1234"),
        ("a<!-- b -->c<?d e?>f", "acf"),
        ("a<b>inside</b>c", "ac"),
        ("  white \r\n\t space ", "  white \r\n\t space "),
        // No such entity, no such character, no entity at all.
        (
            "&nbsp; &#0;&#xD800;&#x110000;&#;&#x; a & b",
            "&nbsp; \u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd} a & b",
        ),
        ("\u{1}\u{8}\u{fffe}\u{202e}", "\u{1}\u{8}\u{fffe}\u{202e}"),
    ] {
        let xml = format!("<body>{xml}</body>");
        assert_eq!(body(&xml).as_deref(), Some(expected), "{xml}");
    }
}

#[test]
fn only_what_is_in_the_right_place_and_namespace() {
    for other in [
        "<body xmlns='http://www.w3.org/1999/xhtml'>no</body>",
        "<html xmlns='http://jabber.org/protocol/xhtml-im'><body>no</body></html>",
        "<forwarded xmlns='urn:xmpp:forward:0'><message><body>no</body></message></forwarded>",
        "<x:body xmlns:x='urn:x'>no</x:body>",
    ] {
        assert_eq!(body(other), None, "{other}");
    }
    let xml = "<message><x><url>no</url></x><store/><no-store xmlns='urn:x'/><origin-id id='no'/>\
        <stanza-id xmlns='urn:x' id='a' by='b'/><stanza-id xmlns='urn:xmpp:sid:0' id='a'/></message>";
    assert_eq!(read(xml), Stanza::default());
    let prefixed = "<c:message xmlns:c='jabber:client' xmlns:h='urn:xmpp:hints'><c:body>yes</c:body>\
        <h:store/><o:x xmlns:o='jabber:x:oob'><o:url>u</o:url></o:x></c:message>";
    let stanza = read(prefixed);
    assert_eq!((stanza.hints.len(), stanza.attachments.len()), (1, 1));
    assert_eq!(stanza.body.text().as_deref(), Some("yes"));
    for namespace in ["jabber:client", "jabber:server", "jabber:component:accept"] {
        let xml = format!("<message xmlns='{namespace}'><body>yes</body></message>");
        assert_eq!(read(&xml).body.text().as_deref(), Some("yes"));
    }
}

#[test]
fn the_id_in_one_archive() {
    let mut stanza = read(
        "<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='room@muc'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' id='2' by='Bob@LOCALHOST'/></message>",
    );
    assert_eq!(stanza.id_by("alice@localhost"), None);
    assert_eq!(stanza.id_by("bob@localhost").as_deref(), Some("2"));
    assert_eq!(stanza.id_by("room@muc").as_deref(), Some("1"));
}

#[test]
fn attributes_are_decoded() {
    let stanza = read("<message id='&quot;a&amp;&lt;&#x1F980;'/>");
    assert_eq!(stanza.id.as_deref(), Some("\"a&<🦀"));
    let many = format!("<message id='{}'/>", "&amp;".repeat(1000));
    assert_eq!(read(&many).id.map(|id| id.len()), Some(1000));
    assert_eq!(read("<message id='a&b;'/>").id.as_deref(), Some("a&b;"));
}

#[test]
fn large_deep_and_many() {
    let mut wide = "<message>".to_owned();
    for n in 0..10_000 {
        let _ = write!(wide, "<x xmlns='urn:{n}'/>");
    }
    wide.push_str("<body>there</body></message>");
    assert_eq!(read(&wide).body.text().as_deref(), Some("there"));

    let nested = |depth: usize| {
        let (open, close) = ("<a xmlns='urn:a'>".repeat(depth), "</a>".repeat(depth));
        format!("<message>{open}{close}<body>there</body></message>")
    };
    assert_eq!(read(&nested(10_000)).body.text().as_deref(), Some("there"));
    let error = Stanza::read(&nested(20_001)).expect_err("too deep");
    assert!(error.text.contains("nested more than 20000"), "{error}");

    let long = "é".repeat(32 * 1024);
    assert_eq!(body(&format!("<body>{long}</body>")), Some(long));

    let oob = "<x xmlns='jabber:x:oob'><url>u</url></x>".repeat(MAX_ATTACHMENTS + 1);
    let ids = "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='b'/>".repeat(MAX_ARCHIVES + 1);
    let hints = "<store xmlns='urn:xmpp:hints'/>".repeat(1000);
    let many = format!("<message>{oob}{ids}{hints}</message>");
    let stanza = read(&many);
    assert_eq!(stanza.attachments.len(), MAX_ATTACHMENTS);
    assert_eq!(stanza.archives.len(), MAX_ARCHIVES);
    assert_eq!(stanza.hints, ["store"]);

    let huge = format!("<message><body>{}</body></message>", "x".repeat(MAX_SIZE));
    let error = Stanza::read(&huge).expect_err("too long");
    assert!(error.text.contains("longer than 1048576"), "{error}");
}

#[test]
fn what_is_no_xml_is_refused_and_not_quoted() {
    for xml in [
        "secret",
        "<message>secret",
        "<message><body>secret</message>",
        "<message><body>secret</wrong></message>",
        "<message><body>secret<![CDATA[</body></message>",
        "<message id='secret",
        "</message>",
    ] {
        let error = Stanza::read(xml).expect_err(xml);
        assert!(error.text.contains("well-formed"), "{error}");
        assert!(!error.text.contains("secret"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(xml in "\\PC{0,200}") {
        let _ = Stanza::read(&xml);
    }

    #[test]
    fn near_xml_is_read_without_a_panic(
        pieces in proptest::collection::vec(proptest::sample::select(&[
            "<message>", "</message>", "<body>", "</body>", "<body xml:lang='x'>", "<subject/>",
            "<x xmlns='jabber:x:oob'>", "</x>", "<url>", "</url>", "<desc>", "</desc>", "&amp;",
            "&#0;", "&", "<![CDATA[", "]]>", "<!--", "-->", "<?a", "?>", "<!DOCTYPE a [", "text",
            "<stanza-id xmlns='urn:xmpp:sid:0' id='&a;' by='", "'/>", "<", ">", "xmlns='", "\u{0}",
        ][..]), 0..30),
    ) {
        let _ = Stanza::read(&pieces.concat());
    }

    /// What was escaped comes back.
    #[test]
    fn a_body_comes_back(text in "[^\\r]{1,60}") {
        let xml = format!("<body>{}</body>", quick_xml::escape::escape(text.as_str()));
        prop_assert_eq!(body(&xml), Some(text));
    }
}
