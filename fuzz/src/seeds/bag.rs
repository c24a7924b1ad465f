//! ROS 1 bags: a connection and its messages in a chunk, and the same with none.

fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let length = (name.len() + 1 + value.len()) as u32;
    [&length.to_le_bytes(), name.as_bytes(), b"=", value].concat()
}

fn record(fields: &[Vec<u8>], data: &[u8]) -> Vec<u8> {
    let header = fields.concat();
    let (header_bytes, data_bytes) = ((header.len() as u32).to_le_bytes(), (data.len() as u32).to_le_bytes());
    [&header_bytes[..], &header, &data_bytes, data].concat()
}

const DEFINITION: &str = "Header header\nstring[] name\nfloat64[] position\nuint8[4] flags\nduration age\n\
                          ================================================================================\n\
                          MSG: std_msgs/Header\nuint32 seq\ntime stamp\nstring frame_id\n";

fn message(number: u32) -> Vec<u8> {
    let mut data = Vec::new();
    for word in [number, number, 500, 0, 2, 1] {
        data.extend(word.to_le_bytes());
    }
    data.push(b'a');
    data.extend(1u32.to_le_bytes());
    data.push(b'b');
    data.extend(2u32.to_le_bytes());
    for value in [f64::from(number), -1.5] {
        data.extend(value.to_le_bytes());
    }
    data.extend([1, 2, 3, 4]);
    data.extend([0; 8]);
    data
}

fn records() -> Vec<u8> {
    let inner = [
        field("topic", b"/joints"),
        field("type", b"fuzz/Joints"),
        field("md5sum", b"0123456789abcdef0123456789abcdef"),
        field("message_definition", DEFINITION.as_bytes()),
    ];
    let connection = [field("op", &[7]), field("conn", &[0; 4]), field("topic", b"/joints")];
    let mut all = record(&connection, &inner.concat());
    for number in 0..6u32 {
        let time = [number.to_le_bytes(), 0u32.to_le_bytes()].concat();
        all.extend(record(
            &[field("op", &[2]), field("conn", &[0; 4]), field("time", &time)],
            &message(number),
        ));
    }
    all
}

pub(super) fn bags() -> Vec<Vec<u8>> {
    let front = |chunks: u32| {
        let head = [
            field("op", &[3]),
            field("index_pos", &[0; 8]),
            field("conn_count", &1u32.to_le_bytes()),
            field("chunk_count", &chunks.to_le_bytes()),
        ];
        [&b"#ROSBAG V2.0\n"[..], &record(&head, &[b' '; 16])].concat()
    };
    let records = records();
    let size = field("size", &(records.len() as u32).to_le_bytes());
    let chunk = |compression: &[u8], data: &[u8]| {
        record(&[field("op", &[5]), field("compression", compression), size.clone()], data)
    };
    let index = record(
        &[
            field("op", &[4]),
            field("ver", &1u32.to_le_bytes()),
            field("conn", &[0; 4]),
            field("count", &[0; 4]),
        ],
        &[0; 12],
    );
    vec![
        [front(0), records.clone()].concat(),
        [front(1), chunk(b"none", &records), index.clone()].concat(),
        [front(1), chunk(b"lz4", &records), index.clone()].concat(),
        [front(1), chunk(b"bz2", &records), index].concat(),
    ]
}
