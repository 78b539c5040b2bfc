//! What tests share: a receiver, a mail server and a WhatsApp server whose answers the test chooses, photos of every awkward kind, and chance that a seed decides.
//!
//! A dev-dependency only, and small: it depends on nothing that a crate under test might be.

pub mod chance;
pub mod graph;
pub mod mail;
pub mod photo;
pub mod receiver;
mod serving;

pub use chance::Chance;
pub use receiver::Receiver;

#[cfg(test)]
mod tests {
    use super::photo;
    use super::photo::Orientation;

    #[test]
    fn fixtures_begin_as_their_formats_do() {
        for (file, magic) in [
            (photo::jpeg(), &b"\xff\xd8\xff"[..]),
            (photo::cmyk(), b"\xff\xd8\xff"),
            (photo::oriented(Orientation::TurnRight), b"\xff\xd8\xff"),
            (photo::sixteen_bit(), b"\x89PNG"),
            (photo::animated_png(), b"\x89PNG"),
            (photo::webp(), b"RIFF"),
            (photo::animated_webp(), b"RIFF"),
        ] {
            assert!(file.starts_with(magic) && file.len() > 500);
        }
        assert!(photo::bomb().len() < 1_000_000, "a bomb is small");
    }

    #[test]
    fn a_position_is_in_the_photo_that_is_said_to_have_one() {
        let found = |file: &[u8]| file.windows(photo::GPS_MARK.len()).any(|w| w == photo::GPS_MARK.as_bytes());
        assert!(found(&photo::jpeg_with_gps()) && !found(&photo::jpeg()));
    }

    #[tokio::test]
    async fn the_receiver_keeps_what_it_gets_and_answers_as_told() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let receiver = super::Receiver::start().await;
        receiver.answer(super::receiver::Answer::Status(503));
        let url = receiver.url("/hook?a=1");
        let address = (url.host_str().unwrap(), url.port().unwrap());
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket.write_all(b"POST /hook?a=1 HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).await.unwrap();
        assert!(said.contains(" 503 "), "{said}");
        let received = receiver.wait_for(1).await;
        assert_eq!((received[0].uri.to_string(), received[0].body.as_ref()), ("/hook?a=1".into(), &b"{}"[..]));
    }
}
