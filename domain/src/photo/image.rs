//! What a photo must be to be kept: an image by its own first bytes, whatever a header calls it, and not too large.

use serde::{Deserialize, Serialize};

/// The largest photo that is kept. Served through the API in base64 it stays far below the 6 MB that an answer of a Lambda function may
/// have. Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const BYTES_MAX: usize = 1024 * 1024;

/// What kind of image a photo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
}

/// Why something is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// It is larger than [`BYTES_MAX`].
    TooLarge,
    /// It is no image that browsers and mail clients show.
    NotAnImage,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Gif];

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
        }
    }

    /// What its first bytes may be. Source: <https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern>
    fn signatures(self) -> &'static [&'static [u8]] {
        match self {
            Self::Jpeg => &[b"\xff\xd8\xff"],
            Self::Png => &[b"\x89PNG\r\n\x1a\n"],
            Self::Gif => &[b"GIF87a", b"GIF89a"],
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.signatures().iter().any(|signature| bytes.starts_with(signature)))
    }
}

/// Judges bytes.
///
/// # Errors
/// [`Unfit`] says why they are not kept.
pub fn judge(bytes: &[u8]) -> Result<Kind, Unfit> {
    match Kind::of(bytes) {
        _ if bytes.len() > BYTES_MAX => Err(Unfit::TooLarge),
        Some(kind) => Ok(kind),
        None => Err(Unfit::NotAnImage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        for (bytes, kind) in [
            (&b"\xff\xd8\xff\xe0rest"[..], Kind::Jpeg),
            (b"\xff\xd8\xff", Kind::Jpeg),
            (b"\x89PNG\r\n\x1a\nrest", Kind::Png),
            (b"GIF87arest", Kind::Gif),
            (b"GIF89a", Kind::Gif),
        ] {
            assert_eq!(judge(bytes), Ok(kind), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_image_is_not_kept() {
        for bytes in [
            &b""[..],
            b"\xff\xd8",
            b"\x89PNG\r\n",
            b"gif89a",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            b"<html>",
            b"RIFF\0\0\0\0WEBPVP",
            b"{\"error\":{}}",
            b" \xff\xd8\xff",
        ] {
            assert_eq!(judge(bytes), Err(Unfit::NotAnImage), "{bytes:?}");
        }
    }

    #[test]
    fn the_largest_photo_is_kept_and_one_byte_more_is_not() {
        let mut bytes = b"\xff\xd8\xff".to_vec();
        bytes.resize(BYTES_MAX, 0);
        assert_eq!(judge(&bytes), Ok(Kind::Jpeg));
        bytes.push(0);
        assert_eq!(judge(&bytes), Err(Unfit::TooLarge));
    }
}
