//! What is wrong with the words of the business's SDP?

use media::sdp::{SdpRefusal, SdpWarning};

use super::Code;
use crate::{calls::record::Finding, sdp::BusinessSdp};

/// What was taken here and fails elsewhere.
pub(super) fn noted(sdp: &BusinessSdp) -> Vec<Finding> {
    sdp.warnings.iter().filter_map(warned).collect()
}

fn warned(warning: &SdpWarning) -> Option<Finding> {
    let code = match warning {
        SdpWarning::NotCrlf { .. } => Code::NotCrlf,
        SdpWarning::NoLastLineEnd => Code::NoLastLineEnd,
        SdpWarning::NoRtcpMux => Code::NoRtcpMux,
        SdpWarning::HashCase { .. } => Code::HashCase,
        SdpWarning::NotSendRecv(_) => Code::NotSendRecv,
        SdpWarning::SeveralSources { .. } => Code::SeveralSources,
        SdpWarning::Ptime { .. } => Code::Ptime,
        SdpWarning::NoDtmf => Code::NoDtmf,
        // Worth a word only when no path was found: the business may start from anywhere.
        SdpWarning::UnusableCandidate { .. } => return None,
    };
    Some(code.found(format!("{warning}.")))
}

/// An SDP that was refused, and in which action.
pub(crate) fn refused(action: &str, refusal: &SdpRefusal) -> Finding {
    let code = match refusal {
        SdpRefusal::NoOpus { has_g711: true, .. } => Code::OnlyG711,
        SdpRefusal::NoOpus { has_g711: false, .. }
        | SdpRefusal::TooLong { .. }
        | SdpRefusal::EscapedLineEnds
        | SdpRefusal::NotSdp { .. }
        | SdpRefusal::NoAudio
        | SdpRefusal::AudioOff { .. }
        | SdpRefusal::SeveralAudio { .. }
        | SdpRefusal::Video { .. }
        | SdpRefusal::OtherMedia { .. }
        | SdpRefusal::NotProtected { .. }
        | SdpRefusal::NoFingerprint
        | SdpRefusal::SeveralFingerprints { .. }
        | SdpRefusal::NotSha256 { .. }
        | SdpRefusal::BadFingerprint { .. }
        | SdpRefusal::NotOffered { .. }
        | SdpRefusal::NoIce { .. }
        | SdpRefusal::BadIce { .. }
        | SdpRefusal::IceLiteFromBusiness { .. }
        | SdpRefusal::BadSetup { .. }
        | SdpRefusal::NoCrypto => Code::Refused,
    };
    code.with_fix(format!("{action} was refused with 100: {refusal}."), refusal.fix())
}

/// Where the SDP of `accept` parts from that of `pre_accept`.
pub(crate) fn differs(first: &str, second: &str) -> Finding {
    let mut numbered = (1..).zip(first.lines().map(Some).chain(std::iter::repeat(None)));
    let mut again = second.lines().map(Some).chain(std::iter::repeat(None));
    let text = loop {
        let (Some((line, was)), Some(is)) = (numbered.next(), again.next()) else {
            break "The texts differ.".to_owned();
        };
        match (was, is) {
            (None, None) => break "The lines are the same; their line ends differ.".to_owned(),
            (was, is) if was == is => {}
            (was, is) => {
                let show = |line: Option<&str>| {
                    line.map_or_else(|| "nothing".into(), |it| format!("“{it}”"))
                };
                break format!(
                    "Line {line} was {} in pre_accept and is {} in accept.",
                    show(was),
                    show(is)
                );
            }
        }
    };
    Code::Differs.found(text)
}
