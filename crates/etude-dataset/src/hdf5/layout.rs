//! How large a dataset is and where its elements lie.

use super::{File, number};
use crate::foreign::bytes::{BytesError, Cursor};

/// Dimensions of a dataset.
const MAX_RANK: usize = 32;

/// The size of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// Elements along each axis; none for a single value.
    pub(crate) dims: Vec<u64>,
    /// To which it may grow; `None` without limit.
    pub(super) most: Vec<Option<u64>>,
    /// Whether it holds nothing, not even one value.
    pub(crate) is_null: bool,
}

impl Space {
    pub(super) fn parse(file: &File, bytes: &[u8]) -> Result<Self, BytesError> {
        let mut cursor = Cursor::new(bytes);
        let (version, rank, flags) = (cursor.u8()?, usize::from(cursor.u8()?), cursor.u8()?);
        let sort = cursor.u8()?;
        match version {
            1 => {
                cursor.take(4, "nothing")?;
            }
            2 => {}
            other => return Err(cursor.error("a dataspace of version 1 or 2", other.to_string())),
        }
        if rank > MAX_RANK {
            return Err(cursor.error(format!("at most {MAX_RANK} dimensions"), rank.to_string()));
        }
        let dims: Vec<u64> = (0..rank).map(|_| file.length(&mut cursor)).collect::<Result<_, _>>()?;
        let unlimited = u64::MAX >> (64 - 8 * u32::from(file.length_size));
        let most = if flags & 1 != 0 {
            let stated = (0..rank).map(|_| file.length(&mut cursor));
            stated.map(|dim| dim.map(|dim| (dim != unlimited).then_some(dim))).collect::<Result<_, _>>()?
        } else {
            dims.iter().copied().map(Some).collect()
        };
        Ok(Self { dims, most, is_null: version == 2 && sort == 2 })
    }

    /// Elements of all; `None` where there are more than can be counted.
    pub(crate) fn count(&self) -> Option<u64> {
        if self.is_null {
            return Some(0);
        }
        self.dims.iter().try_fold(1u64, |count, dim| count.checked_mul(*dim))
    }
}

/// Where a dataset's elements lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In the object header.
    Compact(Vec<u8>),
    /// In one piece; no place where nothing was written yet.
    Contiguous(Option<u64>),
    /// In pieces of one shape.
    Chunked { dims: Vec<u64>, index: Index, at: Option<u64> },
    /// In other datasets.
    Virtual,
}

/// How chunks are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// By an older tree.
    OldTree,
    /// There is one; its stored size and mask where it is filtered.
    Single(Option<(u64, u32)>),
    /// All lie one behind the other.
    Implicit,
    /// By an array of a fixed length.
    Fixed,
    /// By an array that grows.
    Extensible,
    /// By a newer tree.
    NewTree,
}

impl Layout {
    pub(super) fn parse(file: &File, bytes: &[u8]) -> Result<Self, BytesError> {
        let mut cursor = Cursor::new(bytes);
        let version = cursor.u8()?;
        match version {
            1 | 2 => Self::oldest(file, &mut cursor),
            3..=5 => match cursor.u8()? {
                0 => {
                    let size = cursor.u16()?;
                    Ok(Self::Compact(cursor.take(size.into(), "elements")?.to_vec()))
                }
                1 => Ok(Self::Contiguous(file.place(&mut cursor)?)),
                2 if version == 3 => {
                    let rank = usize::from(cursor.u8()?);
                    let at = file.place(&mut cursor)?;
                    let dims = dims(&mut cursor, rank, 4)?;
                    Ok(Self::Chunked { dims, index: Index::OldTree, at })
                }
                2 => Self::newest(file, &mut cursor),
                3 => Ok(Self::Virtual),
                other => Err(cursor.error("a layout of class 0 to 3", other.to_string())),
            },
            other => Err(cursor.error("a layout of version 1 to 5", other.to_string())),
        }
    }

    fn oldest(file: &File, cursor: &mut Cursor<'_>) -> Result<Self, BytesError> {
        let (rank, class) = (usize::from(cursor.u8()?), cursor.u8()?);
        cursor.take(5, "nothing")?;
        let at = if class == 0 { None } else { file.place(cursor)? };
        if rank > MAX_RANK + 1 {
            return Err(cursor.error(format!("at most {MAX_RANK} dimensions"), rank.to_string()));
        }
        match class {
            0 => {
                cursor.take(4 * rank, "dimensions")?;
                Ok(Self::Compact(cursor.sized("elements")?.to_vec()))
            }
            1 => Ok(Self::Contiguous(at)),
            2 => Ok(Self::Chunked { dims: dims(cursor, rank, 4)?, index: Index::OldTree, at }),
            other => Err(cursor.error("a layout of class 0 to 2", other.to_string())),
        }
    }

    fn newest(file: &File, cursor: &mut Cursor<'_>) -> Result<Self, BytesError> {
        let (flags, rank, width) = (cursor.u8()?, usize::from(cursor.u8()?), usize::from(cursor.u8()?));
        let dims = dims(cursor, rank, width)?;
        let index = match cursor.u8()? {
            1 if flags & 2 != 0 => Index::Single(Some((file.length(cursor)?, cursor.u32()?))),
            1 => Index::Single(None),
            2 => Index::Implicit,
            3 => {
                cursor.take(1, "bits of a page")?;
                Index::Fixed
            }
            4 => {
                cursor.take(5, "a shape")?;
                Index::Extensible
            }
            5 => {
                cursor.take(6, "a shape")?;
                Index::NewTree
            }
            other => return Err(cursor.error("an index of kind 1 to 5", other.to_string())),
        };
        Ok(Self::Chunked { dims, index, at: file.place(cursor)? })
    }
}

/// A chunk's elements along each axis, without the last number, which is an element's size.
fn dims(cursor: &mut Cursor<'_>, rank: usize, width: usize) -> Result<Vec<u64>, BytesError> {
    if rank == 0 || rank > MAX_RANK + 1 || width == 0 || width > 8 {
        return Err(cursor.error(format!("1 to {MAX_RANK} dimensions"), rank.to_string()));
    }
    let mut dims: Vec<u64> = (0..rank).map(|_| number(cursor, width)).collect::<Result<_, _>>()?;
    dims.pop();
    if dims.contains(&0) {
        return Err(cursor.error("chunks with elements", "chunks without"));
    }
    Ok(dims)
}
