//! People's photos: drawn, or given as bytes; kept in a mailbox, which has them in many sizes, or in the directory, which has one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::chance::scatter;
use crate::portrait;

/// The sizes that a mailbox makes. Source: <https://learn.microsoft.com/en-us/graph/api/profilephoto-get>
const SIDES: [u32; 9] = [48, 64, 96, 120, 240, 360, 432, 504, 648];

/// Where a photo is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoPlace {
    /// In the mailbox, in every usual size up to its own.
    #[default]
    Mailbox,
    /// In the directory, in its own size alone.
    Directory,
}

/// What a photo shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Picture {
    /// A portrait of this number, in any size.
    Drawn(u64),
    /// These bytes in base64, in every size.
    Given(String),
}

/// One person's photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Photo {
    pub(crate) picture: Picture,
    pub(crate) side: u32,
    pub(crate) place: PhotoPlace,
    /// Differs after every change.
    pub(crate) version: u64,
}

/// One of a mailbox's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u32);

impl Size {
    /// A size by its name, such as `240x240` in any case.
    pub(crate) fn named(name: &str) -> Result<Self, &str> {
        let side = SIDES.into_iter().find(|side| name.eq_ignore_ascii_case(&format!("{side}x{side}")));
        side.map(Self).ok_or(name)
    }
}

impl Photo {
    /// The side in which it is given when this size is asked for, or the largest.
    pub(crate) fn side(&self, size: Option<Size>) -> Option<u32> {
        match (size, self.place) {
            (None, _) => Some(self.side),
            (Some(Size(side)), PhotoPlace::Mailbox) if side <= self.side => Some(side),
            (Some(Size(side)), PhotoPlace::Directory) if side == self.side => Some(side),
            (Some(_), _) => None,
        }
    }

    /// Its bytes in a size.
    pub(crate) fn bytes(&self, side: u32) -> Vec<u8> {
        match &self.picture {
            Picture::Drawn(number) => portrait::draw(*number, side),
            Picture::Given(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }

    /// What it is called, whatever it is.
    pub(crate) fn kind(&self) -> &'static str {
        match self.picture {
            Picture::Drawn(_) => "image/png",
            Picture::Given(_) => "image/jpeg",
        }
    }

    /// Its ETag, in the quotes that belong to it.
    pub(crate) fn etag(&self, person: Uuid) -> String {
        format!("\"{:08X}\"", scatter(person.as_u64_pair().0 ^ self.version) >> 32)
    }
}
