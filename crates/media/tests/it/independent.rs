//! A second opinion on finished pictures: the written rules once more, from their text alone, with another decoder and none of
//! the engine's own measuring. Slow and plain on purpose.

use serde_json::Value;

/// What it reads of the rules: the cards as data, not the engine's idea of them.
const CARDS: &str = include_str!("../../src/preset/presets.json");

pub fn card(id: &str) -> Value {
    let cards: Value = serde_json::from_str(CARDS).unwrap();
    cards["presets"].as_array().unwrap().iter().find(|card| card["id"] == id).unwrap().clone()
}

pub fn cards() -> Vec<String> {
    let cards: Value = serde_json::from_str(CARDS).unwrap();
    cards["presets"].as_array().unwrap().iter().map(|card| card["id"].as_str().unwrap().to_owned()).collect()
}

struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    fn darkest(&self, at: usize) -> u8 {
        *self.rgb[at * 3..at * 3 + 3].iter().min().unwrap()
    }

    fn places(&self) -> std::ops::Range<usize> {
        0..self.width * self.height
    }

    fn in_ring(&self, at: usize) -> bool {
        let (x, y) = (at % self.width, at / self.width);
        let (across, down) = (self.width as f64 * 0.02, self.height as f64 * 0.02);
        let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
        x < across || y < down || x > self.width as f64 - across || y > self.height as f64 - down
    }

    /// Distance to the nearest member, the longer of both axes; without end where there is none. It grows by one from neighbour to
    /// neighbour, so two walks see all of them: one what lies before each place, row by row, the other what lies behind it.
    fn distance(&self, member: impl Fn(usize) -> bool) -> Vec<u32> {
        let mut far: Vec<u32> = self.places().map(|at| if member(at) { 0 } else { u32::MAX }).collect();
        self.places().for_each(|at| self.hand_on(&mut far, at, -1));
        self.places().rev().for_each(|at| self.hand_on(&mut far, at, 1));
        far
    }

    fn hand_on(&self, far: &mut [u32], at: usize, side: isize) {
        if far[at] == 0 {
            return;
        }
        let (width, height) = (self.width as isize, self.height as isize);
        let (x, y) = ((at % self.width) as isize, (at / self.width) as isize);
        for (dx, dy) in [(side, 0), (-1, side), (0, side), (1, side)] {
            let (x, y) = (x + dx, y + dy);
            if (0..width).contains(&x) && (0..height).contains(&y) {
                far[at] = far[at].min(far[(y * width + x) as usize].saturating_add(1));
            }
        }
    }

    fn around(&self, at: usize) -> impl Iterator<Item = usize> + use<> {
        let (width, height) = (self.width as isize, self.height as isize);
        let (x, y) = (at as isize % width, at as isize / width);
        let all = (-1..=1).flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy)));
        all.filter(move |(nx, ny)| (0..width).contains(nx) && (0..height).contains(ny) && (*nx, *ny) != (x, y))
            .map(move |(x, y)| (y * width + x) as usize)
    }

    /// Connected areas of members.
    fn areas(&self, member: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.width * self.height];
        let mut areas = Vec::new();
        for start in self.places() {
            if seen[start] || !member(start) {
                continue;
            }
            let (mut area, mut waiting) = (Vec::new(), vec![start]);
            seen[start] = true;
            while let Some(at) = waiting.pop() {
                area.push(at);
                for next in self.around(at) {
                    if !seen[next] && member(next) {
                        seen[next] = true;
                        waiting.push(next);
                    }
                }
            }
            areas.push(area);
        }
        areas
    }
}

/// Every rule that the file breaks, in words; `alpha` is the product's coverage, one byte a pixel.
pub fn broken_rules(bytes: &[u8], alpha: &[u8], card: &Value) -> Vec<String> {
    let mut broken = container(bytes, card);
    let pixels = decoded(bytes);
    broken.extend(size(&pixels, card));
    if alpha.len() != pixels.width * pixels.height {
        broken.push("the mask is of another size".into());
        return broken;
    }
    broken.extend(framing(&pixels, alpha, card));
    broken.extend(background(&pixels, alpha, card));
    broken
}

fn decoded(bytes: &[u8]) -> Pixels {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let rgb = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    assert_eq!(info.pixel_format, jpeg_decoder::PixelFormat::RGB24);
    Pixels { width: info.width.into(), height: info.height.into(), rgb }
}

fn container(bytes: &[u8], card: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut check = |holds: bool, words: &str| {
        if !holds {
            broken.push(words.to_owned());
        }
    };
    let head = &bytes[..bytes.windows(2).position(|w| w == b"\xff\xda").unwrap_or(bytes.len())];
    let holds = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    check(bytes.starts_with(b"\xff\xd8\xff"), "no JPEG");
    check(card["formats"].as_array().unwrap().contains(&"jpeg".into()), "JPEG is not taken");
    check(bytes.len() as u64 <= card["max_bytes"].as_u64().unwrap(), "too many bytes");
    check(holds(b"ICC_PROFILE\0"), "no profile");
    check(!holds(b"Exif\0\0"), "EXIF is left");
    check(!holds(b"GPS"), "a position is left");
    let jfif = bytes.windows(5).position(|w| w == b"JFIF\0").unwrap() + 5;
    let (unit, density) = (bytes[jfif + 2], u16::from_be_bytes([bytes[jfif + 3], bytes[jfif + 4]]));
    if let Some(least) = card["min_dpi"].as_u64() {
        check(unit == 1 && u64::from(density) >= least, "no density tag");
    }
    broken
}

fn size(pixels: &Pixels, card: &Value) -> Vec<String> {
    let (long, short) = (pixels.width.max(pixels.height) as u64, pixels.width.min(pixels.height) as u64);
    let number = |name: &str| card[name].as_u64();
    let mut broken = Vec::new();
    if long < number("min_long_side").unwrap() || short < number("min_short_side").unwrap() {
        broken.push("too small".to_owned());
    }
    if number("max_long_side").is_some_and(|most| long > most) {
        broken.push("too large".into());
    }
    let megapixels = pixels.width as f64 * pixels.height as f64 / 1e6;
    if card["max_megapixels"].as_f64().is_some_and(|most| megapixels > most) {
        broken.push("too many megapixels".into());
    }
    let (wide, high) = card["aspect"].as_str().unwrap().split_once(':').unwrap();
    let wanted = wide.parse::<f64>().unwrap() / high.parse::<f64>().unwrap();
    let off = (pixels.width as f64 / pixels.height as f64 / wanted - 1.0).abs();
    if off > card["aspect_tolerance"].as_f64().unwrap() {
        broken.push(format!("shape {:.3} off", off));
    }
    broken
}

fn framing(pixels: &Pixels, alpha: &[u8], card: &Value) -> Vec<String> {
    let product: Vec<(usize, usize)> =
        pixels.places().filter(|at| alpha[*at] >= 128).map(|at| (at % pixels.width, at / pixels.width)).collect();
    let Some(left) = product.iter().map(|p| p.0).min() else { return vec!["no product".into()] };
    let right = product.iter().map(|p| p.0).max().unwrap() + 1;
    let (top, bottom) = (product.iter().map(|p| p.1).min().unwrap(), product.iter().map(|p| p.1).max().unwrap() + 1);
    let (width, height) = (pixels.width as f64, pixels.height as f64);
    let fill = ((right - left) as f64 / width).max((bottom - top) as f64 / height);
    let mut broken = Vec::new();
    let rule = &card["fill"];
    let (least, most) = (rule["min"].as_f64().unwrap(), rule["max"].as_f64().unwrap());
    if least > 0.0 && !(least..=most).contains(&fill) {
        broken.push(format!("fill {fill:.4}"));
    }
    let off = |from: usize, to: usize, side: f64| ((from + to) as f64 / 2.0 / side - 0.5).abs();
    if least > 0.0 && (off(left, right, width) > 0.02 || off(top, bottom, height) > 0.02) {
        broken.push("off the middle".into());
    }
    if pixels.places().any(|at| alpha[at] >= 128 && pixels.in_ring(at)) {
        broken.push("product in the ring".into());
    }
    broken
}

fn background(pixels: &Pixels, alpha: &[u8], card: &Value) -> Vec<String> {
    let shadow = shadow(pixels, alpha, card);
    let mut broken = shadow.broken;
    let near_product = pixels.distance(|at| alpha[at] > 0);
    let near_shadow = pixels.distance(|at| shadow.permitted[at]);
    let ring: Vec<usize> = pixels.places().filter(|at| pixels.in_ring(*at)).collect();
    let far: Vec<usize> = pixels.places().filter(|at| near_product[*at] > 16 && near_shadow[*at] > 16).collect();
    let below = |places: &[usize], level: u8| places.iter().filter(|at| pixels.darkest(**at) < level).count();
    match card["background"].as_str().unwrap() {
        "W1" => {
            let near = |at: &usize| (1..=16).contains(&near_product[*at]) && !shadow.permitted[*at];
            let near: Vec<usize> = pixels.places().filter(near).collect();
            for (zone, places, level) in [("ring", &ring, 255), ("far", &far, 255), ("near", &near, 225)] {
                if let Some(at) = places.iter().find(|at| pixels.darkest(**at) < level) {
                    let (count, x, y) = (below(places, level), at % pixels.width, at / pixels.width);
                    broken.push(format!("{count} px of {zone} are not white, the first at {x},{y}"));
                }
            }
        }
        "W2" => {
            let share = below(&far, 250) as f64 / far.len().max(1) as f64;
            if below(&ring, 250) > 0 || share > 0.005 {
                broken.push(format!("not nearly white: {} px of the ring, {share:.4} of far", below(&ring, 250)));
            }
        }
        code @ ("N1" | "G1") => broken.extend(neutral(pixels, &ring, code)),
        _ => {}
    }
    broken
}

fn neutral(pixels: &Pixels, ring: &[usize], code: &str) -> Option<String> {
    let channel = |c: usize| ring.iter().map(move |at| f64::from(pixels.rgb[at * 3 + c]));
    let means = [0, 1, 2].map(|c| channel(c).sum::<f64>() / ring.len() as f64);
    let deviations =
        [0, 1, 2].map(|c| (channel(c).map(|v| (v - means[c]).powi(2)).sum::<f64>() / ring.len() as f64).sqrt());
    let (low, high) = (means.iter().copied().fold(f64::MAX, f64::min), means.iter().copied().fold(0.0, f64::max));
    let worst = deviations.iter().copied().fold(0.0, f64::max);
    let holds = match code {
        "G1" => low >= 225.0 && high <= 248.0 && high - low <= 6.0 && worst <= 5.0,
        _ => low >= 225.0 && high - low <= 8.0 && worst <= 4.0,
    };
    (!holds).then(|| format!("ring {means:?}, deviation {worst:.2}"))
}

struct Shadow {
    permitted: Vec<bool>,
    broken: Vec<String>,
}

/// Darker areas beside the product; the soft edge and the encoder's ringing of two pixels are no shadow.
fn shadow(pixels: &Pixels, alpha: &[u8], card: &Value) -> Shadow {
    let mut found = Shadow { permitted: vec![false; alpha.len()], broken: Vec::new() };
    let rule = card["shadow"].as_str().unwrap();
    let white = matches!(card["background"].as_str().unwrap(), "W1" | "W2");
    let (most, darkest) = match rule {
        "contact" => (0.03, 200),
        "soft" => (0.10, 170),
        // On white the background rule itself says that nothing may be darker.
        _ => return found,
    };
    if !white {
        return found;
    }
    let near = pixels.distance(|at| alpha[at] > 0);
    let ys = || pixels.places().filter(|at| alpha[*at] >= 128).map(|at| at / pixels.width);
    let (top, bottom) = (ys().min().unwrap_or(0), ys().max().unwrap_or(0) + 1);
    let lower = top + (bottom - top) * 2 / 3;
    for area in pixels.areas(|at| alpha[at] == 0 && pixels.darkest(at) < 254) {
        let clear = area.iter().filter(|at| near[**at] > 2 && pixels.darkest(**at) < 250).count();
        if (clear as f64) < pixels.width as f64 * pixels.height as f64 * 0.0002 {
            continue;
        }
        let touches = |at: &usize| near[*at] <= 4 && (rule == "soft" || at / pixels.width + 4 >= lower);
        if !area.iter().any(touches) {
            found.broken.push(format!("{} px of shadow stand alone", area.len()));
        }
        area.iter().for_each(|at| found.permitted[*at] = true);
    }
    let all = found.permitted.iter().filter(|shadow| **shadow).count();
    if all as f64 > most * alpha.len() as f64 {
        found.broken.push(format!("a shadow of {:.4} of the canvas", all as f64 / alpha.len() as f64));
    }
    let inside = |at: &usize| found.permitted[*at] && near[*at] > 2;
    if pixels.places().filter(inside).any(|at| pixels.darkest(at) < darkest) {
        found.broken.push("a shadow too dark".into());
    }
    if pixels.places().any(|at| found.permitted[at] && pixels.in_ring(at)) {
        found.broken.push("a shadow in the ring".into());
    }
    found
}
