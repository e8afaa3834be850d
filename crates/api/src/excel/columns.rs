//! The columns of each sheet: what they are called, what stands in them, and what a person is told about them.

use engine::services::import::line::{Field, Sheet};

use super::words::Said;

/// Which values a column offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Areas,
    Organisations,
    Premises,
    Loads,
    Phases,
    Protocols,
    Profiles,
    /// The names that stand in another sheet.
    Names(Sheet),
}

/// Whether a cell must say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Always.
    Always,
    /// When the thing is made; an update may leave it out.
    New,
    /// Never.
    No,
}

/// How a spreadsheet keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) field: Field,
    pub(super) need: Need,
    pub(super) kind: Kind,
    /// In characters.
    pub(super) width: f64,
    pub(super) title: Said,
    pub(super) note: Said,
    pub(super) example: Said,
    pub(super) list: Option<List>,
}

/// A sheet's columns: what it is, whether and how it is kept, its width, its list; then title, note and example in
/// 简体中文, 繁體中文 and English.
macro_rules! sheet {
    ($($field:ident $need:ident $kind:ident $width:literal $(in $list:expr)? =>
        $title:tt $note:tt $example:tt;)+) => {
        &[$(Column {
            field: Field::$field,
            need: Need::$need,
            kind: Kind::$kind,
            width: $width,
            title: $title,
            note: $note,
            example: $example,
            list: sheet!(@list $($list)?),
        }),+]
    };
    (@list) => { None };
    (@list $list:expr) => { Some($list) };
}

const SITE: Said = ["场所", "場所", "Site"];
const SITE_NOTE: Said = ["所在场所的名称", "所在場所的名稱", "The name of its site"];
const SITE_EXAMPLE: Said = ["合泰大市场 3 栋", "合泰大市場 3 棟", "Hetai market, hall 3"];

const SITES: &[Column] = sheet! {
    Name Always Text 24.0 =>
        ["名称", "名稱", "Name"]
        [
            "场所的名称，不要重复；导入时按它识别",
            "場所的名稱，不要重複；匯入時按它識別",
            "The site's name, only once; it is known by it",
        ]
        ["合泰大市场 3 栋", "合泰大市場 3 棟", "Hetai market, hall 3"];
    Address No Text 30.0 =>
        ["地址", "地址", "Address"]
        ["街道和门牌", "街道和門牌", "Street and number"]
        ["芦淞区建设南路 12 号", "蘆淞區建設南路 12 號", "12 Jianshe South Road"];
    Area New Text 18.0 in List::Areas =>
        ["区划", "區劃", "Area"]
        ["从下拉列表选，或填区划代码", "從下拉選單選，或填區劃代碼", "From the list, or the division code"]
        ["430203 芦淞区", "430203 芦淞区", "430203 芦淞区"];
    Organisation New Text 24.0 in List::Organisations =>
        ["单位", "單位", "Organisation"]
        ["谁负责这个场所，从下拉列表选", "誰負責這個場所，從下拉選單選", "Who answers for it, from the list"]
        ["", "", ""];
    PremisesKind No Text 18.0 in List::Premises =>
        ["场所类型", "場所類型", "Kind of premises"]
        ["从下拉列表选，也可以自己写", "從下拉選單選，也可以自己寫", "From the list, or a word of your own"]
        ["集贸市场", "集貿市場", "Market"];
    Lon No Number 12.0 =>
        ["经度", "經度", "Longitude"]
        [
            "度，WGS-84，与纬度一起填",
            "度，WGS-84，與緯度一起填",
            "Degrees, WGS-84, together with the latitude",
        ]
        ["113.1527", "113.1527", "113.1527"];
    Lat No Number 12.0 =>
        ["纬度", "緯度", "Latitude"]
        ["度，WGS-84", "度，WGS-84", "Degrees, WGS-84"]
        ["27.8341", "27.8341", "27.8341"];
    Zone No Text 16.0 =>
        ["时区", "時區", "Time zone"]
        ["不填为 Asia/Shanghai", "不填為 Asia/Shanghai", "Asia/Shanghai when empty"]
        ["Asia/Shanghai", "Asia/Shanghai", "Asia/Shanghai"];
    ContactName No Text 14.0 =>
        ["联系人", "聯絡人", "Contact"]
        ["出事打给谁", "出事打給誰", "Whom to call"]
        ["王师傅", "王師傅", "Mr Wang"];
    ContactPhone No Text 16.0 =>
        ["联系电话", "聯絡電話", "Phone"]
        ["文本格式", "文字格式", "As text"]
        ["138 0000 0000", "138 0000 0000", "138 0000 0000"];
};

const PANELS: &[Column] = sheet! {
    Site Always Text 24.0 in List::Names(Sheet::Sites) => SITE SITE_NOTE SITE_EXAMPLE;
    Name Always Text 20.0 =>
        ["名称", "名稱", "Name"]
        [
            "配电箱的名称，同一场所内不重复",
            "配電箱的名稱，同一場所內不重複",
            "The panel's name, once within its site",
        ]
        ["一楼总箱", "一樓總箱", "Main panel, ground floor"];
    Location No Text 26.0 =>
        ["位置", "位置", "Location"]
        ["装在哪里", "裝在哪裡", "Where it hangs"]
        ["东门楼梯间", "東門樓梯間", "Stairs at the east gate"];
};

const CIRCUITS: &[Column] = sheet! {
    Site Always Text 24.0 in List::Names(Sheet::Sites) => SITE SITE_NOTE SITE_EXAMPLE;
    Panel Always Text 20.0 in List::Names(Sheet::Panels) =>
        ["配电箱", "配電箱", "Panel"]
        ["所在配电箱的名称", "所在配電箱的名稱", "The name of its panel"]
        ["一楼总箱", "一樓總箱", "Main panel, ground floor"];
    Name Always Text 20.0 =>
        ["名称", "名稱", "Name"]
        [
            "回路的名称，同一配电箱内不重复",
            "迴路的名稱，同一配電箱內不重複",
            "The circuit's name, once within its panel",
        ]
        ["后厨插座", "後廚插座", "Kitchen sockets"];
    RatedCurrent No Number 14.0 =>
        ["额定电流（A）", "額定電流（A）", "Rated current (A)"]
        [
            "断路器和电缆的额定值，过负荷按它算，0.1 到 10000",
            "斷路器和電纜的額定值，過負荷按它算，0.1 到 10000",
            "What breaker and cable are made for, 0.1 to 10,000; overload is counted by it",
        ]
        ["32", "32", "32"];
    Phases No Number 8.0 in List::Phases =>
        ["相数", "相數", "Phases"]
        ["1 或 3，不填为 1", "1 或 3，不填為 1", "1 or 3; 1 when empty"]
        ["1", "1", "1"];
    LoadKind No Text 16.0 in List::Loads =>
        ["负载类型", "負載類型", "Kind of load"]
        ["从下拉列表选，也可以自己写", "從下拉選單選，也可以自己寫", "From the list, or a word of your own"]
        ["插座", "插座", "Sockets"];
};

const DETECTORS: &[Column] = sheet! {
    Serial Always Text 24.0 =>
        ["序列号", "序號", "Serial number"]
        [
            "终端的序列号或注册串，文本格式",
            "終端的序號或註冊串，文字格式",
            "Serial number or registration string of the terminal, as text",
        ]
        ["20221011223344", "20221011223344", "20221011223344"];
    Protocol New Text 22.0 in List::Protocols =>
        ["协议", "協定", "Protocol"]
        [
            "终端怎么连上来，从下拉列表选；已连过的可不填",
            "終端怎麼連上來，從下拉選單選；已連過的可不填",
            "How the terminal speaks, from the list; may be empty for one that has called",
        ]
        ["7B7B 云协议", "7B7B 雲通訊協定", "7B7B cloud protocol"];
    Unit No Number 14.0 =>
        ["Modbus 地址", "Modbus 位址", "Modbus unit"]
        ["DTU 后面的探测器填 1 到 247", "DTU 後面的探測器填 1 到 247", "1 to 247 behind a DTU"]
        ["1", "1", "1"];
    SubAddress No Text 16.0 =>
        ["子地址", "子位址", "Sub-address"]
        [
            "电表地址、部件号或网关下的子设备号",
            "電表位址、部件號或閘道下的子設備號",
            "Meter address, component, or sub-device of a gateway",
        ]
        ["3_1", "3_1", "3_1"];
    Profile New Text 30.0 in List::Profiles =>
        ["型号", "型號", "Model"]
        ["从下拉列表选", "從下拉選單選", "From the list"]
        ["arcm300-cloud", "arcm300-cloud", "arcm300-cloud"];
    Name New Text 20.0 =>
        ["名称", "名稱", "Name"]
        ["探测器的名称", "探測器的名稱", "The detector's name"]
        ["后厨探测器", "後廚探測器", "Kitchen detector"];
    Site Always Text 24.0 in List::Names(Sheet::Sites) => SITE SITE_NOTE SITE_EXAMPLE;
    Panel No Text 20.0 in List::Names(Sheet::Panels) =>
        ["配电箱", "配電箱", "Panel"]
        ["与回路一起填", "與迴路一起填", "Together with the circuit"]
        ["一楼总箱", "一樓總箱", "Main panel, ground floor"];
    Circuit No Text 20.0 in List::Names(Sheet::Circuits) =>
        ["回路", "迴路", "Circuit"]
        [
            "它监测的回路；不填表示暂不接到回路",
            "它監測的迴路；不填表示暫不接到迴路",
            "The circuit that it watches; empty for none yet",
        ]
        ["后厨插座", "後廚插座", "Kitchen sockets"];
};

/// The columns of a sheet.
pub(super) const fn columns(sheet: Sheet) -> &'static [Column] {
    match sheet {
        Sheet::Sites => SITES,
        Sheet::Panels => PANELS,
        Sheet::Circuits => CIRCUITS,
        Sheet::Detectors => DETECTORS,
    }
}

/// The letters of a column counted from 0: A, B ... Z, AA.
pub(super) fn letters(column: u32) -> String {
    let mut left = column;
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(left % 26).unwrap_or(0)));
        match (left / 26).checked_sub(1) {
            Some(more) => left = more,
            None => break,
        }
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters_as_spreadsheets_do() {
        for (column, wanted) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(letters(column), wanted);
        }
    }

    #[test]
    fn no_sheet_has_a_title_twice() {
        for sheet in Sheet::ALL {
            for language in 0..3 {
                let mut titles: Vec<_> = columns(sheet).iter().map(|c| c.title[language]).collect();
                titles.sort_unstable();
                let all = titles.len();
                titles.dedup();
                assert_eq!(titles.len(), all, "{sheet:?} {language}");
            }
        }
    }
}
