//! Names of files as they stand in addresses.

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Letters, digits, `-`, `_` and `.`; what else was written becomes `_`. Neither hidden nor a way out of a folder. Where
/// nothing is left, a name is made of the type.
pub(crate) fn plain(name: &str, content_type: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let plain: String = last.trim().chars().map(safe).collect();
    let plain = plain.trim_start_matches('.');
    let plain = &plain[plain.len().saturating_sub(NAME_BYTES_MAX)..];
    match plain.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        true => plain.trim_start_matches('.').to_owned(),
        false => format!("file.{}", extension(content_type)),
    }
}

fn extension(content_type: &str) -> &str {
    match content_type.split_once('/') {
        Some((_, "jpeg")) => "jpg",
        Some((_, kind)) if kind.len() <= 5 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) => kind,
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_keep_their_end() {
        for (name, expected) in [
            ("mug.png", "mug.png"),
            ("my mug (1).PNG", "my_mug__1_.PNG"),
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\mug.jpg", "mug.jpg"),
            (".htaccess", "htaccess"),
            ("a\r\nb", "a__b"),
            ("कप.jpg", "__.jpg"),
            ("कप", "file.png"),
            ("", "file.png"),
            ("..", "file.png"),
        ] {
            assert_eq!(plain(name, "image/png"), expected, "{name:?}");
        }
        let long = plain(&format!("{}.png", "x".repeat(300)), "image/png");
        assert!(long.len() == 100 && long.ends_with("x.png"), "{long}");
        assert_eq!(plain("", "image/jpeg"), "file.jpg");
        assert_eq!(plain("", "application/vnd.evil+html"), "file.bin");
        assert_eq!(plain("", "nonsense"), "file.bin");
    }
}
