//! Portraits of people who do not exist: four colours, a head and shoulders, as a PNG.
//!
//! Source: <https://www.w3.org/TR/png-3/> (palette images, chunks), RFC 1950 and RFC 1951 section 3.2.4 (uncompressed blocks)

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chance::scatter;

/// Backgrounds, skins, hair and clothes, as red, green and blue.
const BACKGROUNDS: [[u8; 3]; 6] =
    [[0xd7, 0xe3, 0xf4], [0xe8, 0xdf, 0xf5], [0xd9, 0xee, 0xe1], [0xfb, 0xe7, 0xd3], [0xf6, 0xdc, 0xe2], [0xe4, 0xe7, 0xeb]];
const SKINS: [[u8; 3]; 5] = [[0xf3, 0xcf, 0xb3], [0xe0, 0xac, 0x7e], [0xb9, 0x7b, 0x56], [0x8a, 0x55, 0x38], [0x5c, 0x37, 0x24]];
const HAIRS: [[u8; 3]; 5] = [[0x2b, 0x22, 0x1e], [0x5a, 0x3a, 0x22], [0xa0, 0x5a, 0x2c], [0xd9, 0xb4, 0x6a], [0x9a, 0x9d, 0xa3]];
const CLOTHES: [[u8; 3]; 5] = [[0x2f, 0x4b, 0x7c], [0x3d, 0x6b, 0x5c], [0x7a, 0x3b, 0x4a], [0x44, 0x48, 0x52], [0xb0, 0x6a, 0x2e]];

/// Bytes of one uncompressed block.
const BLOCK_MAX: usize = 65_535;

/// The chunks of pixels that were drawn already, by the length of their side. Everybody has the same shape, in colours of their own.
static PIXELS: Mutex<BTreeMap<u32, Arc<[u8]>>> = Mutex::new(BTreeMap::new());

/// Draws the portrait of this number, `side` by `side` pixels.
pub(crate) fn draw(number: u64, side: u32) -> Vec<u8> {
    let pick = |colours: &[[u8; 3]], shift: u32| colours[(scatter(number) >> shift) as usize % colours.len()];
    let palette = [pick(&BACKGROUNDS, 8), pick(&SKINS, 20), pick(&HAIRS, 32), pick(&CLOTHES, 44)].concat();
    let side = side.max(1);
    let size = side.to_be_bytes();
    // Two bits a pixel, by palette.
    let header = [&size[..], &size[..], &[2, 3, 0, 0, 0]].concat();
    let signature = b"\x89PNG\r\n\x1a\n";
    [&signature[..], &chunk(b"IHDR", &header), &chunk(b"PLTE", &palette), &pixels(side), &chunk(b"IEND", &[])].concat()
}

fn pixels(side: u32) -> Arc<[u8]> {
    let mut drawn = PIXELS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(drawn.entry(side).or_insert_with(|| chunk(b"IDAT", &stored(&rows(side))).into()))
}

/// The rows of an image, each after a byte that says it is not filtered.
fn rows(side: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..side {
        rows.push(0);
        for x in (0..side).step_by(4) {
            let four =
                (x..x + 4).map(|x| if x < side { colour(f64::from(x) / f64::from(side), f64::from(y) / f64::from(side)) } else { 0 });
            rows.push(four.fold(0, |byte, colour| byte << 2 | colour));
        }
    }
    rows
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [name, data].concat();
    let length = u32::try_from(data.len()).unwrap_or_default();
    [&length.to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// Which colour a point of the unit square has: 0 background, 1 skin, 2 hair, 3 clothes.
fn colour(x: f64, y: f64) -> u8 {
    let is_in = |(cx, cy): (f64, f64), (rx, ry): (f64, f64)| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0;
    match () {
        () if is_in((0.5, 0.44), (0.17, 0.22)) && y > 0.34 => 1,
        () if is_in((0.5, 0.38), (0.21, 0.23)) && y < 0.52 => 2,
        () if (x - 0.5).abs() < 0.07 && (0.6..0.76).contains(&y) => 1,
        () if is_in((0.5, 1.0), (0.36, 0.28)) => 3,
        () => 0,
    }
}

/// A zlib stream of uncompressed blocks.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.chunks(BLOCK_MAX).count();
    for (index, block) in bytes.chunks(BLOCK_MAX).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or_default();
        stream.push(u8::from(index + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler(bytes).to_be_bytes());
    stream
}

/// Adler-32. Source: RFC 1950 section 8
fn adler(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

/// CRC-32, bit by bit. Source: <https://www.w3.org/TR/png-3/#5CRC-algorithm>
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_portrait_is_small_and_everybody_has_their_own() {
        let portraits: std::collections::BTreeSet<Vec<u8>> = (0..40).map(|number| draw(number, 96)).collect();
        assert!(portraits.len() > 30, "{}", portraits.len());
        assert!(draw(1, 240).len() < 16_000 && draw(1, 648).len() < 110_000);
        assert_eq!(draw(7, 120), draw(7, 120));
    }
}
