//! Are keys in a voice heard through our codecs, and is speech or music ever taken for one?

use offhook_audio::{
    FRAME_SAMPLES, SAMPLES_PER_MS,
    g711::{self, Law},
    in_band::InBand,
    jitter::JitterBuffer,
    opus::{self, Encoder, Settings},
    prompt, tone,
};

use crate::prompts;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// Speech in ten languages, and music.
fn files() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["../demo/prompts", "platform/prompts", "gateway/assets"];
    let files = folders.into_iter().flat_map(|folder| {
        let files = std::fs::read_dir(root.join(folder)).expect("a folder");
        files.map(|file| file.expect("a file").path())
    });
    let mut files: Vec<_> = files.filter(|path| path.extension() == Some("ogg".as_ref())).collect();
    files.sort();
    files
}

fn samples(path: &std::path::Path) -> Vec<i16> {
    let mut decoder = opus::Decoder::new().expect("a decoder");
    let packets = prompt::load(&std::fs::read(path).expect("a file")).expect("a prompt");
    packets.iter().flat_map(|packet| decoder.decode(packet).expect("Opus").to_vec()).collect()
}

fn keys_in(signal: &[i16]) -> String {
    let mut in_band = InBand::default();
    signal.chunks(FRAME_SAMPLES).flat_map(|frame| in_band.push(frame)).collect()
}

/// As it is, and over G.711.
#[test]
fn speech_and_music_have_no_keys() {
    let (mut heard_ms, mut files_heard) = (0, 0);
    for path in files() {
        let signal = samples(&path);
        let over_g711: Vec<i16> = {
            let mut decoder = g711::Decoder::new(Law::Mu);
            let frames = g711::Encoder::new(Law::Mu).encode_all(&signal);
            frames.iter().flat_map(|frame| decoder.decode(frame).to_vec()).collect()
        };
        for signal in [&signal, &over_g711] {
            assert_eq!(keys_in(signal), "", "{}", path.display());
            heard_ms += signal.len() / SAMPLES_PER_MS;
        }
        files_heard += 1;
    }
    eprintln!("no key in {heard_ms} ms of {files_heard} files");
    assert!(files_heard > 20 && heard_ms > 60_000);
}

/// Sixteen keys of 40 ms 40 ms apart, over each codec, through a jitter buffer from which 100 ms are given
/// back meanwhile, beside a voice that is quiet.
#[test]
fn keys_are_heard_over_our_codecs() {
    let mut signal = vec![0; 600 * SAMPLES_PER_MS];
    for row in ROWS {
        for column in COLUMNS {
            signal.extend(tone::dual(row, column, -12.0, 40));
            signal.extend([0; 40 * SAMPLES_PER_MS]);
        }
    }
    signal.extend([0; 400 * SAMPLES_PER_MS]);
    let g711 = |law| g711::Encoder::new(law).encode_all(&signal);
    let opus = Encoder::new(Settings::default()).unwrap().encode_all(&signal).unwrap();
    let new: [(fn() -> JitterBuffer, Vec<Box<[u8]>>); 3] = [
        (|| JitterBuffer::new().unwrap(), opus),
        (|| JitterBuffer::g711(Law::Mu), g711(Law::Mu)),
        (|| JitterBuffer::g711(Law::A), g711(Law::A)),
    ];
    for (nth, (buffer, packets)) in new.into_iter().enumerate() {
        for held in [0, 5] {
            let keys = heard(buffer(), &packets, held);
            assert_eq!(keys, "123A456B789C*0#D", "codec {nth}, {held} held back");
        }
    }
}

fn heard(mut buffer: JitterBuffer, packets: &[Box<[u8]>], held: usize) -> String {
    let (mut in_band, mut keys, mut waits) = (InBand::default(), Vec::new(), Vec::new());
    for (nth, packet) in packets.iter().enumerate() {
        waits.push((u16::try_from(nth).expect("a short stream"), packet));
        if !(4..4 + held).contains(&nth) {
            for (nth, packet) in waits.drain(..) {
                buffer.push(nth, packet);
            }
        }
        keys.extend(in_band.push(&buffer.pull().unwrap_or([0; FRAME_SAMPLES])));
    }
    keys.into_iter().collect()
}

#[test]
fn keys_are_heard_while_somebody_speaks_softly() {
    let (_, speech) = prompts::all().next().unwrap();
    let mut signal: Vec<i16> = speech.iter().map(|sample| sample / 16).collect();
    let key = tone::dual(852.0, 1_477.0, -12.0, 80);
    for (sample, tone) in signal[20_000..].iter_mut().zip(&key) {
        *sample += tone;
    }
    assert_eq!(keys_in(&signal), "9");
}
