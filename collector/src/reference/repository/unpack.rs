//! Packed files read as they come: gzip, zstd and xz, told apart by how they begin, with bounded memory and size.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::RepositoryProblem;

/// Most that is unpacked, in GiB; the metadata of Fedora's largest repository has about 0.3.
const LARGEST_GIB: u64 = 4;

/// Most memory that a packed file may ask for its dictionary: `xz -9` needs 65 MiB, `zstd --long` 128 MiB.
const MEMORY: u64 = 160 * 1024 * 1024;

/// The same for zstd, as a power of two: what its own program takes without being asked.
const WINDOW_LOG: u32 = 27;

/// So much is looked at to tell what a file is.
const HEAD: u64 = 4096;

/// The content of a packed file, or the file itself.
pub(super) fn unpacked<'a, R: BufRead + 'a>(mut packed: R) -> Result<impl BufRead + use<'a, R>, RepositoryProblem> {
    let magic = head_of(&mut packed, 6)?;
    let whole = io::Cursor::new(magic.clone()).chain(packed);
    let content: Box<dyn Read + 'a> = match magic.as_slice() {
        [0x1F, 0x8B, ..] => Box::new(MultiGzDecoder::new(whole)),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(whole)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
        [0xFD, b'7', b'z', b'X', b'Z', 0] => {
            let stream = Stream::new_stream_decoder(MEMORY, CONCATENATED).map_err(io::Error::from)?;
            Box::new(XzDecoder::new_stream(whole, stream))
        }
        _ => Box::new(whole),
    };
    Ok(BufReader::with_capacity(64 * 1024, Bounded { content, left: LARGEST_GIB << 30 }))
}

/// The first bytes of a text, taken off it.
pub(super) fn head(source: &mut impl Read) -> Result<Vec<u8>, RepositoryProblem> {
    Ok(head_of(source, HEAD)?)
}

fn head_of(source: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(length).read_to_end(&mut head)?;
    Ok(head)
}

/// Ends with an error, and not as if the file ended, where a small file unpacks without end.
struct Bounded<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(into)?;
        self.left = match self.left.checked_sub(read as u64) {
            Some(left) => left,
            None => return Err(io::Error::other(RepositoryProblem::TooLarge(LARGEST_GIB))),
        };
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(text: &[u8]) -> [(&'static str, Vec<u8>); 4] {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(text).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
        xz.write_all(text).unwrap();
        let zst = zstd::stream::encode_all(text, 19).unwrap();
        [("plain", text.to_vec()), ("gz", gz.finish().unwrap()), ("xz", xz.finish().unwrap()), ("zst", zst)]
    }

    fn unpack(bytes: &[u8]) -> Result<Vec<u8>, RepositoryProblem> {
        let mut text = Vec::new();
        unpacked(bytes)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn every_packing_gives_the_same_text_whole_or_none() {
        let text: Vec<u8> = (0..30_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
        for (packing, bytes) in packed(&text) {
            assert_eq!(unpack(&bytes).unwrap(), text, "{packing}");
            assert_eq!(unpack(&[bytes.as_slice(), &bytes].concat()).unwrap().len(), 2 * text.len(), "{packing}, twice");
            if packing != "plain" {
                for end in (7..bytes.len()).step_by(bytes.len() / 50) {
                    assert!(unpack(&bytes[..end]).is_err(), "{packing} cut at {end}");
                }
                let mut damaged = bytes.clone();
                damaged[bytes.len() / 2] ^= 0x55;
                assert!(unpack(&damaged).map_or(true, |read| read != text), "{packing}");
            }
        }
        assert_eq!(unpack(b"").unwrap(), b"");
    }

    #[test]
    fn a_file_that_asks_for_too_much_is_refused() {
        let xz_of = |dictionary| {
            let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
            options.dict_size(dictionary);
            let mut filters = liblzma::stream::Filters::new();
            filters.lzma2(&options);
            let stream = Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap();
            let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(b"Package: a\n").unwrap();
            encoder.finish().unwrap()
        };
        assert!(unpack(&xz_of(64 << 20)).is_ok());
        assert!(unpack(&xz_of(1 << 30)).is_err(), "a gibibyte of dictionary");
        let mut bounded = Bounded { content: io::repeat(0), left: 10_000 };
        let error = io::copy(&mut bounded, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("GiB"), "{error}");
    }
}
