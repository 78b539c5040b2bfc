//! U²-Net's own shape, run without a general runtime.
//!
//! Eleven blocks, each a small U of its own, form a large U: six on the way down to ever smaller maps, five on the way up,
//! each of which also sees what the block of its size saw on the way down. Six of them say what they find, and one last
//! layer weighs that. Any file whose convolutions, in their order, fit this shape can be loaded; the number of channels is
//! the file's own.

use super::error::CutoutError;
use super::layers::{Conv, Layers, Map};

/// The network of this shape with its weights. Running it changes nothing; calls share the process's threads.
pub(super) struct UNet {
    down: Vec<Block>,
    up: Vec<Block>,
    sides: Vec<Conv>,
    last: Conv,
}

/// How many sizes each block goes through on the way down; those of the smallest maps stay at one size and look further
/// instead.
const DEPTHS: [Depth; 6] =
    [Depth::Sizes(6), Depth::Sizes(5), Depth::Sizes(4), Depth::Sizes(3), Depth::Flat, Depth::Flat];
/// How far the layers of a flat block look, down to its bottom.
const REACHES: [usize; 4] = [1, 2, 4, 8];
/// Red, green and blue.
const COLORS: usize = 3;

#[derive(Clone, Copy)]
enum Depth {
    Sizes(usize),
    Flat,
}

impl UNet {
    pub(super) fn from_onnx(file: &[u8]) -> Result<UNet, CutoutError> {
        let mut layers = Layers::of(file)?;
        let mut down: Vec<Block> = Vec::new();
        for depth in DEPTHS {
            let inputs = down.last().map_or(COLORS, Block::outputs);
            down.push(Block::read(&mut layers, depth, inputs)?);
        }
        let mut up: Vec<Block> = Vec::new();
        for at in (0..DEPTHS.len() - 1).rev() {
            let below = up.last().unwrap_or(&down[at + 1]);
            up.push(Block::read(&mut layers, DEPTHS[at], below.outputs() + down[at].outputs())?);
        }
        // What is said, from the largest map to the smallest.
        let speaking = up.iter().rev().chain(down.last());
        let sides: Result<Vec<Conv>, _> = speaking.map(|block| layers.next(block.outputs(), 1, false)).collect();
        let sides = sides?;
        let last = layers.next(sides.iter().map(Conv::outputs).sum(), 1, false)?;
        layers.end()?;
        if sides.iter().chain([&last]).any(|side| side.outputs() != 1) {
            return Err(CutoutError::ForeignModel);
        }
        Ok(UNet { down, up, sides, last })
    }

    /// What stands out, from 0 to 1, in a square picture of three planes.
    pub(super) fn run(&self, planes: &[f32], side: usize) -> Vec<f32> {
        let picture = Map::of_planes(planes, side, side);
        let mut seen: Vec<Map> = Vec::new();
        for block in &self.down {
            let map = seen.last().map_or_else(|| block.of(&[&picture]), |above| block.of(&[&above.pooled()]));
            seen.push(map);
        }
        let mut said: Vec<Map> = Vec::new();
        let mut sides = self.sides.iter().rev();
        let mut say = |map: &Map| said.extend(sides.next().map(|side| enlarged(side.of(&[map], None), &picture)));
        let Some(mut low) = seen.pop() else { return Vec::new() };
        say(&low);
        for block in &self.up {
            let Some(beside) = seen.pop() else { break };
            low = block.of(&[&enlarged(low, &beside), &beside]);
            say(&low);
        }
        let said: Vec<&Map> = said.iter().rev().collect();
        let mut plane = self.last.of(&said, None).into_plane();
        plane.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value).exp()));
        plane
    }
}

/// `map` at the size of `other`.
fn enlarged(map: Map, other: &Map) -> Map {
    if (map.width, map.height) == (other.width, other.height) {
        return map;
    }
    map.enlarged(other.width, other.height)
}

/// A small U: down through smaller maps or wider looks, and up again; what entered is added to what comes out.
struct Block {
    entry: Conv,
    down: Vec<Conv>,
    bottom: Conv,
    up: Vec<Conv>,
    flat: bool,
}

impl Block {
    fn read(layers: &mut Layers, depth: Depth, inputs: usize) -> Result<Block, CutoutError> {
        let (levels, flat) = match depth {
            Depth::Sizes(levels) => (levels, false),
            Depth::Flat => (REACHES.len() - 1, true),
        };
        let reach = |level: usize| if flat { REACHES[level] } else { 1 };
        let entry = layers.next(inputs, 1, true)?;
        let mut down: Vec<Conv> = Vec::new();
        for level in 0..levels {
            down.push(layers.next(down.last().unwrap_or(&entry).outputs(), reach(level), true)?);
        }
        let bottom = layers.next(down[levels - 1].outputs(), if flat { REACHES[levels] } else { 2 }, true)?;
        let mut up: Vec<Conv> = Vec::new();
        for level in (0..levels).rev() {
            let inputs = up.last().unwrap_or(&bottom).outputs() + down[level].outputs();
            up.push(layers.next(inputs, reach(level), true)?);
        }
        let block = Block { entry, down, bottom, up, flat };
        if block.outputs() != block.entry.outputs() {
            return Err(CutoutError::ForeignModel);
        }
        Ok(block)
    }

    fn outputs(&self) -> usize {
        self.up.last().unwrap_or(&self.bottom).outputs()
    }

    fn of(&self, sources: &[&Map]) -> Map {
        let entered = self.entry.of(sources, None);
        let mut seen: Vec<Map> = Vec::new();
        for layer in &self.down {
            let map = match seen.last() {
                None => layer.of(&[&entered], None),
                Some(above) if self.flat => layer.of(&[above], None),
                Some(above) => layer.of(&[&above.pooled()], None),
            };
            seen.push(map);
        }
        let mut low = self.bottom.of(&[seen.last().unwrap_or(&entered)], None);
        for layer in &self.up {
            let Some(beside) = seen.pop() else { break };
            let add = seen.is_empty().then_some(&entered);
            low = layer.of(&[&enlarged(low, &beside), &beside], add);
        }
        low
    }
}
