//! What a notification says, as one text of bytes: so a row has one column for it, a session makes it in one allocation,
//! and the thread that writes binds it as it is.
//!
//! The format's number, the direction, the kind, the lengths of the seven parts, and the parts. A length has seven bits
//! a byte, the lowest first; the highest bit says that another byte follows. There is one way to write each content, and
//! nothing else is read: what a damaged file holds is no notification.

use notification::{Direction, heap};

use crate::record::Kind;

/// The number of this format. A later one gets another number, and both are read.
const FORMAT: u8 = 1;

/// The bytes before the lengths.
const HEAD: usize = 3;

/// How many parts there are.
const PARTS: usize = 7;

/// What a notification says, besides what many have in common and when it was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The key of the lane, without what belongs to one run.
    pub lane: &'a [u8],
    /// `webhook-id`.
    pub message_id: &'a str,
    /// The direction of the message.
    pub direction: Direction,
    /// The author's user name.
    pub sender: &'a [u8],
    /// The author's domain.
    pub server: &'a [u8],
    /// The receiver's user name.
    pub receiver: &'a [u8],
    /// What the content is.
    pub kind: Kind,
    /// The message, the body or the stanza.
    pub text: &'a [u8],
    /// Headers or facts, as the crate `payload` encodes them.
    pub extra: &'a [u8],
}

impl<'a> Parts<'a> {
    fn all(&self) -> [&'a [u8]; PARTS] {
        [
            self.lane,
            self.message_id.as_bytes(),
            self.sender,
            self.server,
            self.receiver,
            self.text,
            self.extra,
        ]
    }

    /// How many bytes [`Parts::encode`] returns.
    pub(crate) fn encoded_len(&self) -> usize {
        let parts = self
            .all()
            .map(|part| length_of_length(part.len()) + part.len());
        HEAD + parts.iter().sum::<usize>()
    }

    /// The content as a file has it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let parts = self.all();
        let mut to = Vec::with_capacity(self.encoded_len().max(heap::JOINED_AT_ONCE));
        let direction = match self.direction {
            Direction::In => 0,
            Direction::Out => 1,
        };
        to.extend_from_slice(&[FORMAT, direction, self.kind.number()]);
        for part in parts {
            write_length(part.len(), &mut to);
        }
        for part in parts {
            to.extend_from_slice(part);
        }
        to
    }

    /// The parts of a content; none if it is not one.
    pub(crate) fn decode(from: &'a [u8]) -> Option<Self> {
        let (&[format, direction, kind], mut rest) = from.split_first_chunk::<HEAD>()?;
        if format != FORMAT {
            return None;
        }
        let direction = match direction {
            0 => Direction::In,
            1 => Direction::Out,
            _ => return None,
        };
        let mut lengths = [0; PARTS];
        for length in &mut lengths {
            *length = read_length(&mut rest)?;
        }
        let mut parts = [&[][..]; PARTS];
        for (part, length) in parts.iter_mut().zip(lengths) {
            (*part, rest) = rest.split_at_checked(length)?;
        }
        let [lane, message_id, sender, server, receiver, text, extra] = parts;
        rest.is_empty().then_some(())?;
        Some(Self {
            lane,
            message_id: str::from_utf8(message_id).ok()?,
            direction,
            sender,
            server,
            receiver,
            kind: Kind::from_number(kind)?,
            text,
            extra,
        })
    }
}

/// How many bits of a length a byte has.
const BITS: u32 = 7;
/// Another byte of the length follows.
const MORE: u8 = 1 << BITS;

fn length_of_length(length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros();
    bits.div_ceil(BITS).max(1) as usize
}

fn write_length(mut length: usize, to: &mut Vec<u8>) {
    loop {
        let bits = length.to_le_bytes()[0] & !MORE;
        length >>= BITS;
        if length == 0 {
            return to.push(bits);
        }
        to.push(bits | MORE);
    }
}

fn read_length(from: &mut &[u8]) -> Option<usize> {
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = usize::from(byte & !MORE);
        let shifted = bits.checked_shl(shift)?;
        // Bits that do not fit, and a last byte that says nothing.
        if shifted >> shift != bits || bits == 0 && byte & MORE == 0 && shift > 0 {
            return None;
        }
        length |= shifted;
        if byte & MORE == 0 {
            return Some(length);
        }
        shift += BITS;
    }
}

#[cfg(test)]
mod tests;
