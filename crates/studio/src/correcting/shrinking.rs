//! Smaller mattes for pages. Pure.

use plantain_media::picture::Matte;

/// The matte with a longer side of `side`, each pixel the mean of those that it stands for; `None` where it is no larger.
pub fn shrunk(matte: &Matte, side: u32) -> Option<Matte> {
    let (width, height) = (matte.width(), matte.height());
    let longer = width.max(height);
    if longer <= side || side == 0 {
        return None;
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1) as u32;
    let (across, down) = (scaled(width), scaled(height));
    let span = |at: u32, small: u32, large: u32| {
        let edge = |at: u32| (u64::from(at) * u64::from(large) / u64::from(small)) as usize;
        edge(at)..edge(at + 1).max(edge(at) + 1)
    };
    let columns: Vec<_> = (0..across).map(|x| span(x, across, width)).collect();
    let mut alpha = Vec::with_capacity(across as usize * down as usize);
    let mut sums = vec![0_u32; across as usize];
    for y in 0..down {
        let rows = span(y, down, height);
        sums.fill(0);
        for row in rows.clone() {
            let line = &matte.alpha()[row * width as usize..][..width as usize];
            for (sum, columns) in sums.iter_mut().zip(&columns) {
                *sum += line[columns.clone()].iter().map(|alpha| u32::from(*alpha)).sum::<u32>();
            }
        }
        let mean = |(sum, columns): (&u32, &std::ops::Range<usize>)| {
            let count = (columns.len() * rows.len()) as u32;
            ((sum + count / 2) / count) as u8
        };
        alpha.extend(sums.iter().zip(&columns).map(mean));
    }
    Some(Matte::new(across, down, alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_is_the_mean_of_those_that_it_stands_for() {
        let matte = Matte::new(4, 2, vec![0, 255, 10, 20, 255, 0, 30, 40]);
        let small = shrunk(&matte, 2).unwrap();
        assert_eq!((small.width(), small.height(), small.alpha()), (2, 1, &[128, 25][..]));
        assert!(shrunk(&matte, 4).is_none() && shrunk(&matte, 0).is_none());
        let thin = shrunk(&Matte::new(9, 1, vec![9; 9]), 2).unwrap();
        assert_eq!((thin.width(), thin.height(), thin.alpha()), (2, 1, &[9, 9][..]));
    }
}
