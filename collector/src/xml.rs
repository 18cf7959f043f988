//! Walks XML from outside, of any size, tag by tag: bounded memory, no entities of the document's own, errors with their line.

use std::io::{self, BufRead, Read};

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::attributes::{AttrError, Attributes};
use quick_xml::events::{BytesDecl, BytesRef, Event};
use quick_xml::{Reader, XmlVersion};

/// Most bytes that one tag, text or comment may have; the longest in real files are descriptions of some kilobytes.
const LARGEST_PIECE: usize = 1024 * 1024;

/// Most elements within one another; registries and repositories have up to ten.
const DEEPEST: usize = 64;

/// White space of XML 1.0, section 2.3.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// A document that is read as it comes, and where in it we are.
pub struct Walker<R> {
    reader: Reader<Metered<R>>,
    buffer: Vec<u8>,
    /// Names of the open elements, each behind a slash.
    path: String,
    /// Where each name in `path` begins.
    starts: Vec<usize>,
    attributes: String,
    text: String,
    root_seen: bool,
    closing: bool,
}

/// What comes next in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An element begins: [`Walker::path`] ends with its name, [`Walker::attribute`] knows its attributes.
    Open,
    /// An element ends: [`Walker::path`] still ends with its name, [`Walker::text`] is what stood before the tag.
    Close,
    /// The document is over, and whole.
    End,
}

impl<R: BufRead> Walker<R> {
    /// Begins a document.
    pub fn new(source: R) -> Self {
        let mut reader = Reader::from_reader(Metered { source, piece: 0, line: 1 });
        reader.config_mut().expand_empty_elements = true;
        Walker {
            reader,
            buffer: Vec::new(),
            path: String::new(),
            starts: Vec::new(),
            attributes: String::new(),
            text: String::new(),
            root_seen: false,
            closing: false,
        }
    }

    /// Goes on to the next tag.
    ///
    /// # Errors
    /// [`XmlError`]; nothing after it can be read.
    pub fn step(&mut self) -> Result<Step, XmlError> {
        self.text.clear();
        if std::mem::take(&mut self.closing) {
            self.path.truncate(self.starts.pop().unwrap_or_default());
        }
        loop {
            self.buffer.clear();
            self.reader.get_mut().piece = 0;
            match self.piece() {
                Ok(None) => {}
                Ok(Some(step)) => return Ok(step),
                Err(problem) => return Err(self.error(problem)),
            }
        }
    }

    /// Names of the open elements, outermost first, such as `/results/SITE/COUNTRY`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The name of the outermost element, cut to 60 characters, when it is the last that began and not the expected one.
    #[must_use]
    pub fn foreign_root(&self, expected: &str) -> Option<String> {
        let root = self.path.strip_prefix('/').filter(|name| !name.contains('/') && *name != expected)?;
        Some(root.chars().take(60).collect())
    }

    /// The text between the last two tags, without space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.trim_matches(SPACE)
    }

    /// The value of an attribute of the element that has just begun, empty when it is not there.
    ///
    /// # Errors
    /// [`XmlError`] when the attributes are no XML.
    pub fn attribute(&self, name: &str) -> Result<String, XmlError> {
        let found = Attributes::new(&self.attributes, 0).with_checks(false).find_map(|attribute| match attribute {
            Ok(attribute) if attribute.key.as_ref() != name => None,
            other => Some(other),
        });
        let Some(attribute) = found else { return Ok(String::new()) };
        let value = attribute
            .map_err(XmlProblem::from)
            .and_then(|attribute| Ok(attribute.normalized_value(XmlVersion::Explicit1_0)?.into_owned()));
        value.map_err(|problem| self.error(problem))
    }

    /// The line that is being read, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.reader.get_ref().line
    }

    fn error(&self, problem: XmlProblem) -> XmlError {
        XmlError { line: self.line(), problem }
    }

    /// One tag, or something on the way to it.
    fn piece(&mut self) -> Result<Option<Step>, XmlProblem> {
        let inside = !self.starts.is_empty();
        match self.reader.read_event_into(&mut self.buffer)? {
            Event::Start(tag) => {
                if self.starts.len() >= DEEPEST {
                    return Err(XmlProblem::TooDeep);
                }
                if !inside && std::mem::replace(&mut self.root_seen, true) {
                    return Err(XmlProblem::SecondRoot);
                }
                self.starts.push(self.path.len());
                self.path.push('/');
                self.path.push_str(tag.name().as_ref());
                self.attributes.clear();
                self.attributes.push_str(tag.attributes_raw());
                Ok(Some(Step::Open))
            }
            Event::End(_) => {
                self.closing = true;
                Ok(Some(Step::Close))
            }
            Event::Text(text) => add(&text.xml10_content(), &mut self.text, inside),
            Event::CData(text) => add(&text.xml10_content(), &mut self.text, inside),
            Event::GeneralRef(reference) => {
                let character = referred(&reference)?;
                add(character.encode_utf8(&mut [0; 4]), &mut self.text, inside)
            }
            Event::Decl(declaration) => utf8_only(&declaration),
            // What entities it defines is never looked at: no document that we read has one.
            Event::DocType(_) => Err(XmlProblem::DocType),
            Event::Comment(_) | Event::PI(_) | Event::Empty(_) => Ok(None),
            Event::Eof if inside => Err(XmlProblem::CutShort(self.path.clone())),
            Event::Eof if !self.root_seen => Err(XmlProblem::Empty),
            Event::Eof => Ok(Some(Step::End)),
        }
    }
}

fn add(piece: &str, text: &mut String, inside: bool) -> Result<Option<Step>, XmlProblem> {
    if !inside && !piece.trim_start_matches('\u{feff}').trim_matches(SPACE).is_empty() {
        return Err(XmlProblem::TextOutside);
    }
    // A text may come in any number of pieces: references and CDATA part it.
    if text.len() + piece.len() > LARGEST_PIECE {
        return Err(XmlProblem::TooLarge);
    }
    text.push_str(piece);
    Ok(None)
}

/// The character that `&amp;` or `&#38;` stands for; there are no others, as no document brings its own.
fn referred(reference: &BytesRef<'_>) -> Result<char, XmlProblem> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character);
    }
    let name = reference.xml10_content();
    let known = resolve_xml_entity(&name).and_then(|text| text.chars().next());
    known.ok_or_else(|| XmlProblem::Entity(name.chars().take(40).collect::<String>().escape_debug().to_string()))
}

fn utf8_only(declaration: &BytesDecl<'_>) -> Result<Option<Step>, XmlProblem> {
    let Some(encoding) = declaration.encoding() else { return Ok(None) };
    let encoding = encoding?;
    if ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
        return Ok(None);
    }
    Err(XmlProblem::Encoding(encoding.chars().take(40).collect::<String>().escape_debug().to_string()))
}

/// Counts lines, and ends a piece that would fill the memory.
struct Metered<R> {
    source: R,
    piece: usize,
    line: u64,
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece > LARGEST_PIECE {
            return Err(io::Error::other(format!("one tag or text has more than {LARGEST_PIECE} bytes")));
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed lies in the buffer: this reads nothing.
        if let Ok(Some(consumed)) = self.source.fill_buf().map(|buffer| buffer.get(..amount)) {
            self.line += consumed.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.piece += amount;
        self.source.consume(amount);
    }
}

/// Where XML cannot be read any further, and why.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct XmlError {
    /// Line, from 1.
    pub line: u64,
    /// The reason.
    #[source]
    pub problem: XmlProblem,
}

/// Why XML cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum XmlProblem {
    /// Not well-formed, not UTF-8, or not readable at all.
    #[error("{0}")]
    Syntax(#[from] quick_xml::Error),
    /// Attributes that are none.
    #[error("attributes: {0}")]
    Attribute(#[from] AttrError),
    /// The file ends inside an element.
    #[error("the file ends inside {0}: it was cut short")]
    CutShort(String),
    /// No element at all.
    #[error("holds no element")]
    Empty,
    /// More than one outermost element.
    #[error("a second document begins")]
    SecondRoot,
    /// Text before or behind the outermost element.
    #[error("text outside of the outermost element")]
    TextOutside,
    /// A document type.
    #[error("a DOCTYPE, which is not read: a web page, or a file made to do harm")]
    DocType,
    /// An entity that XML itself does not define.
    #[error("the entity &{0}; is not defined")]
    Entity(String),
    /// Not UTF-8.
    #[error("declares the encoding \"{0}\": only UTF-8 is read")]
    Encoding(String),
    /// A bomb of depth.
    #[error("more than {DEEPEST} elements within one another")]
    TooDeep,
    /// A bomb of length.
    #[error("one text has more than {LARGEST_PIECE} bytes")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn walk(document: &[u8]) -> Result<Vec<(Step, String, String)>, XmlError> {
        // A tiny buffer: every piece crosses its border.
        let mut walker = Walker::new(BufReader::with_capacity(7, document));
        let mut steps = Vec::new();
        loop {
            let step = walker.step()?;
            if step == Step::End {
                return Ok(steps);
            }
            let id = if step == Step::Open { walker.attribute("id")? } else { walker.text().to_owned() };
            steps.push((step, walker.path().to_owned(), id));
        }
    }

    #[test]
    fn tags_come_with_their_path_and_text() {
        let document = "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<a id='1 &lt; 2'><!-- c --><b/> x &amp; <![CDATA[<y>]]>&#122; </a>\n";
        let expected = [
            (Step::Open, "/a", "1 < 2"),
            (Step::Open, "/a/b", ""),
            (Step::Close, "/a/b", ""),
            (Step::Close, "/a", "x & <y>z"),
        ];
        let expected = expected.map(|(step, path, text)| (step, path.to_owned(), text.to_owned()));
        assert_eq!(walk(document.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn damaged_and_hostile_documents_end_with_their_line() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        let long = format!("<a>\n\n{}</a>", "x".repeat(LARGEST_PIECE + 10));
        let pieces = format!("<a>{}</a>", "&amp;<!---->x".repeat(LARGEST_PIECE));
        let deep = "<a>".repeat(DEEPEST + 1);
        for (document, line, told) in [
            (bomb.as_bytes(), 1, "DOCTYPE"),
            (b"<a>\n<b>\n", 3, "cut short"),
            (b"<a>\n</b>", 2, "expected"),
            (b"<a/>\n<a/>", 2, "second"),
            (b"<a/>\nmore", 2, "outside"),
            (b"\n&x;", 2, "&x;"),
            (b"<a>\n&nbsp;</a>", 2, "&nbsp;"),
            (b"<?xml version='1.0' encoding='UTF-16'?><a/>", 1, "UTF-16"),
            (b"\xff\xfe<\0a\0/\0>\0", 1, ""),
            (b"<a>\n\xff</a>", 2, ""),
            (b"", 1, "no element"),
            (long.as_bytes(), 3, "more than 1048576 bytes"),
            (pieces.as_bytes(), 1, "more than 1048576 bytes"),
            (deep.as_bytes(), 1, "64 elements"),
        ] {
            let error = walk(document).unwrap_err();
            assert!(error.line == line && error.to_string().contains(told), "{told}: {error}");
        }
    }
}
