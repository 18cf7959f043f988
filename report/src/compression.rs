//! One zstd frame around a report text, and its bounded way back (RFC 8878).

use std::io::Read as _;

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
    if !content.starts_with(&MAGIC) {
        return if content.len() > MAX_TEXT { Err(CompressionError::TooLarge) } else { Ok(content) };
    }
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(content.as_slice()).map_err(CompressionError::Library)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(CompressionError::Library)?;
    let mut text = Vec::with_capacity(content.len().saturating_mul(4).min(MAX_TEXT));
    (&mut decoder).take(MAX_TEXT as u64 + 1).read_to_end(&mut text).map_err(CompressionError::Damaged)?;
    if text.len() > MAX_TEXT {
        return Err(CompressionError::TooLarge);
    }
    if !decoder.finish().is_empty() {
        return Err(CompressionError::TrailingBytes);
    }
    Ok(text)
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
    use super::*;

    #[test]
    fn a_text_comes_back_and_plain_text_passes() {
        let text = "bash\t5.2\tamd64\n".repeat(1_000).into_bytes();
        let frame = compress(&text).unwrap();
        assert!(frame.len() * 10 < text.len());
        assert_eq!(expand(frame).unwrap(), text);
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
    fn bombs_cuts_and_tails_are_refused() {
        let bomb = compress(&vec![b'a'; MAX_TEXT + 1]).unwrap();
        assert!(matches!(expand(bomb), Err(CompressionError::TooLarge)));
        let frame = compress(b"some text that is long enough").unwrap();
        assert!(matches!(expand(frame[..frame.len() - 1].to_vec()), Err(CompressionError::Damaged(_))));
        assert!(matches!(expand([frame.as_slice(), b"x"].concat()), Err(CompressionError::TrailingBytes)));
    }
}
