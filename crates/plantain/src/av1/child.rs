//! The side that decodes: a process that may fall over, and can do no harm on the way.

use std::io::{self, BufWriter, Write};

use plantain_media::decode::{Av1Color, Av1Layout, Av1Siting, Av1Stream};
use rusty_av1d::pixel::{ChromaLocation, YUVRange};
use rusty_av1d::{Decoder, Picture, PixelLayout, PlanarImageComponent, Rav1dError, Settings};

use super::wire::{self, Head};

/// Reads streams from standard input and writes their frames to standard output, until one fails.
pub fn run() -> io::Result<()> {
    let streams = wire::read_streams(&mut io::stdin().lock())?;
    let most = streams.iter().map(|stream| u64::from(stream.width) * u64::from(stream.height)).max();
    restrain(most.unwrap_or(0));
    answer(streams, &mut BufWriter::new(io::stdout().lock()))
}

fn answer(streams: Vec<Av1Stream>, out: &mut impl Write) -> io::Result<()> {
    for stream in streams {
        let picture = decoded(stream).ok_or(io::ErrorKind::InvalidData)?;
        write(out, &picture)?;
    }
    out.flush()
}

/// What a picture may take beside its pixels, the program itself among it, and with each of them: samples of 16 bits without
/// subsampling, twice, and notes.
#[cfg(unix)]
const AROUND_BYTES: u64 = 512 << 20;
#[cfg(unix)]
const PIXEL_BYTES: u64 = 16;

/// A stream within its size can still ask for eight pictures to refer to, or for an hour. Where the system takes no limit there
/// is none; the patience of the process that asks is there in any case.
#[cfg(unix)]
fn restrain(pixels: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let seconds = super::process::PATIENCE.as_secs();
    let memory = AROUND_BYTES.saturating_add(pixels.saturating_mul(PIXEL_BYTES));
    for (resource, most) in [(Resource::As, memory), (Resource::Cpu, seconds), (Resource::Core, 0)] {
        let _ = setrlimit(resource, limit(most));
    }
}

#[cfg(not(unix))]
fn restrain(_: u64) {}

/// One thread: photos are decoded side by side already.
fn decoded(stream: Av1Stream) -> Option<Picture> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(stream.width.checked_mul(stream.height)?);
    let mut decoder = Decoder::with_settings(&settings).ok()?;
    let mut sent = decoder.send_data(stream.units.into_boxed_slice(), None, None, None);
    let mut drained = false;
    loop {
        match decoder.get_picture() {
            Ok(picture) => return Some(picture),
            Err(Rav1dError::TryAgain) => {}
            Err(_) => return None,
        }
        match sent {
            Err(Rav1dError::TryAgain) => sent = decoder.send_pending_data(),
            Err(_) => return None,
            // Of several layers the best comes out when it is asked for once more after the end.
            Ok(()) if drained => return None,
            Ok(()) => drained = true,
        }
    }
}

fn head(picture: &Picture) -> Option<Head> {
    let layout = match picture.pixel_layout() {
        PixelLayout::I400 => Av1Layout::Grey,
        PixelLayout::I420 => Av1Layout::Quarter,
        PixelLayout::I422 => Av1Layout::Half,
        PixelLayout::I444 => Av1Layout::Full,
    };
    let siting = match picture.chroma_location() {
        Some(ChromaLocation::Left) => Av1Siting::Left,
        Some(ChromaLocation::TopLeft) => Av1Siting::TopLeft,
        _ => Av1Siting::Unknown,
    };
    Some(Head {
        width: picture.width(),
        height: picture.height(),
        bits: picture.bits_per_component()?.0,
        layout,
        siting,
        color: Av1Color {
            primaries: picture.color_primaries() as u16,
            transfer: picture.transfer_characteristic() as u16,
            matrix: picture.matrix_coefficients() as u16,
            full_range: picture.color_range() == YUVRange::Full,
        },
    })
}

fn write(out: &mut impl Write, picture: &Picture) -> io::Result<()> {
    const COMPONENTS: [PlanarImageComponent; 3] =
        [PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V];
    let head = head(picture).ok_or(io::ErrorKind::InvalidData)?;
    wire::write_head(out, &head)?;
    for (component, (width, height)) in COMPONENTS.into_iter().zip(head.planes()).filter(|(_, (width, _))| *width > 0) {
        let (plane, stride) = (picture.plane(component), picture.stride(component) as usize);
        let row_bytes = width as usize * if head.bits == 8 { 1 } else { 2 };
        for row in 0..height as usize {
            let row = plane.get(row * stride..row * stride + row_bytes).ok_or(io::ErrorKind::InvalidData)?;
            out.write_all(row)?;
        }
    }
    Ok(())
}
