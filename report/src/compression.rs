//! One zstd frame around a report text, and its bounded way back (RFC 8878).

use std::cell::RefCell;
use std::io::Read as _;

use zstd::bulk::Decompressor;
use zstd::zstd_safe;

/// Most bytes that a report text may have after decompression.
pub const MAX_TEXT: usize = 16 * 1024 * 1024;

/// RFC 8878, section 3.1.1: the magic number that begins a frame.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Largest window, as a power of two, that opening may allocate: 8 MiB, what RFC 8878 asks every decoder to support.
const WINDOW_LOG_MAX: u32 = 23;

/// Half the instructions and an eighth of the memory of zstd's default, 3, for a report 2 % larger.
const LEVEL: i32 = 1;

/// Compresses `text` into one frame with a checksum, so that a damaged frame is refused rather than read differently.
///
/// # Errors
/// [`CompressionError::Library`] when zstd fails, which it does only for want of memory.
pub fn compress(text: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(CompressionError::Library)?;
    compressor.include_checksum(true).map_err(CompressionError::Library)?;
    compressor.compress(text).map_err(CompressionError::Library)
}

/// Gives back the text: the content itself unless it is a zstd frame, then the frame's content.
///
/// # Errors
/// [`CompressionError`] when the frame is damaged, larger than [`MAX_TEXT`], or followed by other bytes.
pub fn expand(content: Vec<u8>) -> Result<Vec<u8>, CompressionError> {
    expand_into(content, Vec::new())
}

/// As [`expand`]; a frame like ours is expanded into the memory of `buffer`, whose own content is lost.
///
/// # Errors
/// As [`expand`].
pub fn expand_into(content: Vec<u8>, buffer: Vec<u8>) -> Result<Vec<u8>, CompressionError> {
    if !content.starts_with(&MAGIC) {
        return if content.len() > MAX_TEXT { Err(CompressionError::TooLarge) } else { Ok(content) };
    }
    let length = zstd_safe::find_frame_compressed_size(&content).map_err(damaged)?;
    if length < content.len() {
        return Err(CompressionError::TrailingBytes);
    }
    match zstd_safe::get_frame_content_size(&content) {
        Ok(Some(size)) if size > MAX_TEXT as u64 => Err(CompressionError::TooLarge),
        Ok(Some(size)) => expand_at_once(&content, usize::try_from(size).unwrap_or(MAX_TEXT), buffer),
        _ => expand_stream(&content),
    }
}

/// Expands a frame that tells how large its content is, as ours do, by what the thread has done so with before.
fn expand_at_once(frame: &[u8], size: usize, mut text: Vec<u8>) -> Result<Vec<u8>, CompressionError> {
    thread_local! {
        // Its tables are a hundred kilobytes, which would have to be had from the system for each report.
        static DECODER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECODER.with_borrow_mut(|kept| {
        let decoder = match kept {
            Some(decoder) => decoder,
            None => kept.insert(Decompressor::new().map_err(CompressionError::Library)?),
        };
        text.clear();
        text.reserve(size);
        decoder.decompress_to_buffer(frame, &mut text).map_err(CompressionError::Damaged)?;
        Ok(text)
    })
}

/// Expands a frame whose content may be of any size.
fn expand_stream(frame: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(frame).map_err(CompressionError::Library)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(CompressionError::Library)?;
    let mut text = Vec::with_capacity(frame.len().saturating_mul(4).min(MAX_TEXT));
    (&mut decoder).take(MAX_TEXT as u64 + 1).read_to_end(&mut text).map_err(CompressionError::Damaged)?;
    if text.len() > MAX_TEXT { Err(CompressionError::TooLarge) } else { Ok(text) }
}

fn damaged(code: zstd_safe::ErrorCode) -> CompressionError {
    CompressionError::Damaged(std::io::Error::other(zstd_safe::get_error_name(code)))
}

/// Why a content is no report text in a zstd frame.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The frame's structure or checksum is wrong.
    #[error("the zstd frame is damaged: {0}")]
    Damaged(#[source] std::io::Error),
    /// More text than any host's packages make.
    #[error("the report text is larger than {MAX_TEXT} bytes")]
    TooLarge,
    /// A second frame or other bytes.
    #[error("bytes follow the zstd frame")]
    TrailingBytes,
    /// The library could not do its work.
    #[error("zstd: {0}")]
    Library(#[source] std::io::Error),
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_text_comes_back_and_plain_text_passes() {
        let text = "bash\t5.2\tamd64\n".repeat(1_000).into_bytes();
        let frame = compress(&text).unwrap();
        assert!(frame.len() * 10 < text.len());
        assert_eq!(expand(frame.clone()).unwrap(), text);
        assert_eq!(expand_into(frame, b"another text".repeat(9_000)).unwrap(), text);
        assert_eq!(expand(b"#\n".to_vec()).unwrap(), b"#\n");
    }

    #[test]
    fn every_flipped_bit_of_the_content_is_noticed() {
        let text = b"#\nhost: a\n#\nbash\t1\tx\n#\n".to_vec();
        let frame = compress(&text).unwrap();
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = expand(damaged.clone()) {
                assert!(read == text || read == damaged, "bit {bit} gave another text as whole");
            }
        }
    }

    #[test]
    fn a_frame_that_does_not_tell_its_size_is_bounded_as_well() {
        let stream = |text: &[u8]| {
            let mut encoder = zstd::stream::Encoder::new(Vec::new(), LEVEL).unwrap();
            encoder.include_contentsize(false).unwrap();
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        assert!(matches!(zstd_safe::get_frame_content_size(&stream(b"text")), Ok(None)));
        assert_eq!(expand(stream(b"text")).unwrap(), b"text");
        assert!(matches!(expand(stream(&vec![b'a'; MAX_TEXT + 1])), Err(CompressionError::TooLarge)));
        assert!(matches!(expand([stream(b"text").as_slice(), b"x"].concat()), Err(CompressionError::TrailingBytes)));
        let mut cut = stream(b"some text that is long enough");
        cut.pop();
        assert!(matches!(expand(cut), Err(CompressionError::Damaged(_))));
    }

    #[test]
    fn bombs_cuts_and_tails_are_refused() {
        let bomb = compress(&vec![b'a'; MAX_TEXT + 1]).unwrap();
        assert!(matches!(expand(bomb), Err(CompressionError::TooLarge)));
        let frame = compress(b"some text that is long enough").unwrap();
        assert!(matches!(expand(frame[..frame.len() - 1].to_vec()), Err(CompressionError::Damaged(_))));
        assert!(matches!(expand([frame.as_slice(), b"x"].concat()), Err(CompressionError::TrailingBytes)));
    }
}
