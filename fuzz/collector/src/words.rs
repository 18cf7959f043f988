//! What stands in braces in an input: values that nobody can guess, so that what lies behind them is tried as well.

use crate::find;

/// The values of one instance.
#[derive(Default)]
pub struct Words(pub Vec<(&'static str, String)>);

impl Words {
    /// The input with its values; `{length}` is that of the body behind the next empty line, as far as `{end}` or to the end.
    #[must_use]
    pub fn put_into(&self, input: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for (word, value) in &self.0 {
            while let Some(at) = find(&bytes, word.as_bytes()) {
                bytes.splice(at..at + word.len(), value.bytes());
            }
        }
        // From the last one: those before it count what it becomes.
        while let Some(at) = bytes.windows(LENGTH.len()).rposition(|window| window == LENGTH) {
            let body = find(&bytes[at..], b"\r\n\r\n").map_or(bytes.len(), |end| at + end + 4);
            let end = find(&bytes[body..], END).map(|end| body + end);
            if let Some(end) = end {
                bytes.drain(end..end + END.len());
            }
            let length = end.unwrap_or(bytes.len()) - body;
            bytes.splice(at..at + LENGTH.len(), length.to_string().into_bytes());
        }
        bytes
    }
}

const LENGTH: &[u8] = b"{length}";
const END: &[u8] = b"{end}";
