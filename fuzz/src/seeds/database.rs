//! SQLite files as rosbag2 writes them: three tables, each on a page of its own, and a row that needs an overflow page.

const PAGE: usize = 512;

/// A value and its serial type.
enum Cell {
    Integer(i64),
    Text(&'static str),
    Blob(Vec<u8>),
}

/// SQLite's own numbers of variable length, up to two bytes.
fn varint(value: usize) -> Vec<u8> {
    if value < 0x80 { vec![value as u8] } else { vec![(value >> 7) as u8 | 0x80, value as u8 & 0x7f] }
}

fn payload(cells: &[Cell]) -> Vec<u8> {
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for cell in cells {
        match cell {
            Cell::Integer(value) => {
                head.extend(varint(6));
                body.extend(value.to_be_bytes());
            }
            Cell::Text(text) => {
                head.extend(varint(13 + 2 * text.len()));
                body.extend(text.as_bytes());
            }
            Cell::Blob(bytes) => {
                head.extend(varint(12 + 2 * bytes.len()));
                body.extend(bytes);
            }
        }
    }
    [varint(head.len() + 1), head, body].concat()
}

/// A leaf of rows; what does not fit goes to the page `overflow`, which follows.
fn leaf(rows: &[Vec<Cell>], first: usize, overflow: u32) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut page = vec![0; PAGE];
    let (mut end, mut spilt) = (PAGE, None);
    let mut places = Vec::new();
    for (number, cells) in rows.iter().enumerate() {
        let payload = payload(cells);
        let mut cell = [varint(payload.len()), varint(number + 1)].concat();
        if payload.len() > PAGE - 35 {
            let least = (PAGE - 12) * 32 / 255 - 23;
            let local = least + (payload.len() - least) % (PAGE - 4);
            let local = if local <= PAGE - 35 { local } else { least };
            cell.extend(&payload[..local]);
            cell.extend(overflow.to_be_bytes());
            let mut rest = vec![0; 4];
            rest.extend(&payload[local..]);
            rest.resize(PAGE, 0);
            spilt = Some(rest);
        } else {
            cell.extend(payload);
        }
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        places.push(end as u16);
    }
    page[first] = 0x0d;
    page[first + 3..first + 5].copy_from_slice(&(rows.len() as u16).to_be_bytes());
    page[first + 5..first + 7].copy_from_slice(&(end as u16).to_be_bytes());
    for (number, place) in places.iter().enumerate() {
        page[first + 8 + 2 * number..][..2].copy_from_slice(&place.to_be_bytes());
    }
    (page, spilt)
}

pub(super) fn databases() -> Vec<Vec<u8>> {
    let table = |name, root, sql| {
        vec![Cell::Text("table"), Cell::Text(name), Cell::Text(name), Cell::Integer(root), Cell::Text(sql)]
    };
    let (mut head, _) = leaf(
        &[
            table(
                "topics",
                2,
                "CREATE TABLE topics(id INTEGER PRIMARY KEY,name TEXT,type TEXT,serialization_format TEXT)",
            ),
            table(
                "messages",
                3,
                "CREATE TABLE messages(id INTEGER PRIMARY KEY,topic_id INTEGER,timestamp INTEGER,data BLOB)",
            ),
        ],
        100,
        0,
    );
    head[..16].copy_from_slice(b"SQLite format 3\0");
    head[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    head[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    head[28..32].copy_from_slice(&4u32.to_be_bytes());
    head[56..60].copy_from_slice(&1u32.to_be_bytes());
    let topic =
        [Cell::Integer(1), Cell::Text("/words"), Cell::Text("std_msgs/msg/String"), Cell::Text("cdr")];
    let (topics, _) = leaf(&[topic.into()], 0, 0);
    let text = |length: usize| {
        let mut data = vec![0, 1, 0, 0];
        data.extend((length as u32 + 1).to_le_bytes());
        data.extend(vec![b'x'; length]);
        data.push(0);
        Cell::Blob(data)
    };
    let message = |id, data| vec![Cell::Integer(id), Cell::Integer(1), Cell::Integer(id * 1_000_000), data];
    let (messages, spilt) = leaf(&[message(1, text(5)), message(2, text(700)), message(3, text(9))], 0, 4);
    let whole = [head, topics, messages, spilt.unwrap_or_else(|| vec![0; PAGE])].concat();
    let cut = whole[..3 * PAGE].to_vec();
    vec![whole, cut]
}
