//! GIF: the first frame, where it lies, and what is said of the others.

use super::files::{H, W, quarters};
use super::{check, decoded, files};
use gif::{Encoder, Frame};
use plantain_media::common_form::common_form;
use plantain_media::decode::{Format, Notice};

#[test]
fn a_picture_of_256_colours_comes_out_as_it_is() {
    let found = check(&files::gif(&quarters(W, H), 1), Format::Gif, 0.0);
    assert_eq!((found.alpha.as_ref(), found.facts.notices()), (None, vec![]));
    let form = common_form(&found, 1 << 20).unwrap();
    assert_eq!(form.content_type, "image/jpeg");
}

#[test]
fn of_several_frames_the_first_is_taken_and_that_is_told() {
    let found = check(&files::gif(&quarters(W, H), 3), Format::Gif, 0.0);
    assert_eq!(found.facts.notices(), [Notice::FirstFrameOnly]);
}

/// Red, 64 by 66 pixels at column 20 and row 10, every second column of it see-through.
#[test]
fn a_frame_lies_where_it_says_and_the_rest_is_see_through() {
    let indices = (0..64 * 66).map(|at| (at % 2) as u8).collect::<Vec<u8>>();
    let mut frame = Frame::from_palette_pixels(64, 66, indices, [200, 30, 30, 0, 0, 0], Some(1));
    (frame.left, frame.top) = (20, 10);
    let found = decoded(&written(&[frame]));
    let matte = found.alpha.unwrap();
    assert_eq!((found.picture.pixel(20, 10), matte.at(20, 10)), ([200, 30, 30], 255));
    assert_eq!((matte.at(21, 10), matte.at(19, 10), matte.at(20, 9), matte.at(84, 10)), (0, 0, 0, 0));
    assert_eq!((matte.at(82, 75), matte.at(82, 76)), (255, 0));
}

#[test]
fn a_frame_beyond_the_picture_is_damage() {
    let mut frame = Frame::from_palette_pixels(64, 66, vec![0; 64 * 66], [200, 30, 30], None);
    frame.left = W as u16 - 63;
    let error = plantain_media::decode::decode(&written(&[frame]), &Default::default()).unwrap_err();
    assert_eq!(error.code(), "picture_damaged");
}

fn written(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, W as u16, H as u16, &[]).unwrap();
    frames.iter().for_each(|frame| encoder.write_frame(frame).unwrap());
    drop(encoder);
    bytes
}
