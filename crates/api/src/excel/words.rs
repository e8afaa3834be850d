//! The words of the files, in the three languages: a file is made here, so its words are too.

use domain::place::Protocol;
use engine::services::import::line::Sheet;
use engine::services::import::plan::Wrong;

use crate::vocabulary::Language;

/// The same in 简体中文, 繁體中文 and English.
pub(super) type Said = [&'static str; 3];

/// One of the three.
pub(super) const fn say(language: Language, said: Said) -> &'static str {
    let [simplified, traditional, english] = said;
    match language {
        Language::ZhCn => simplified,
        Language::ZhTw => traditional,
        Language::En => english,
    }
}

/// What a sheet is called.
pub(super) const fn sheet(sheet: Sheet) -> Said {
    match sheet {
        Sheet::Sites => ["场所", "場所", "Sites"],
        Sheet::Panels => ["配电箱", "配電箱", "Panels"],
        Sheet::Circuits => ["回路", "迴路", "Circuits"],
        Sheet::Detectors => ["探测器", "探測器", "Detectors"],
    }
}

pub(super) const HELP_SHEET: Said = ["说明", "說明", "Help"];
pub(super) const LISTS_SHEET: Said = ["选项", "選項", "Lists"];
pub(super) const MISTAKES_SHEET: Said = ["错误", "錯誤", "Mistakes"];

pub(super) const HELP_HEAD: [Said; 5] = [
    ["工作表", "工作表", "Sheet"],
    ["列", "欄", "Column"],
    ["必填", "必填", "Required"],
    ["填什么", "填什麼", "What to put in"],
    ["示例", "範例", "Example"],
];

pub(super) const HELP_LINES: [Said; 6] = [
    [
        "每张工作表一行一条，第一行是列名，不要改列名；列的顺序可以变，用不到的列可以删。",
        "每張工作表一列一筆，第一列是欄名，請勿更改欄名；欄的順序可以變，用不到的欄可以刪。",
        "One line per thing; the first line names the columns. Columns may stand in any order, those not needed may go.",
    ],
    [
        "配电箱、回路、探测器用名称指向上一级：先在本文件里找，再在平台里找。",
        "配電箱、迴路、探測器用名稱指向上一級：先在本檔案裡找，再在平台裡找。",
        "Panels, circuits and detectors refer to what is above them by its name: first in this file, then on the platform.",
    ],
    [
        "再次导入同名的场所、配电箱、回路或同序列号的探测器会更新它；空单元格保持原值。",
        "再次匯入同名的場所、配電箱、迴路或同序號的探測器會更新它；空白儲存格保持原值。",
        "Bringing in the same name or serial number again updates it; an empty cell leaves what is there.",
    ],
    [
        "序列号先登记：设备第一次连上来就直接计入，不再等待接入。",
        "序號先登記：設備第一次連上來就直接計入，不再等待接入。",
        "A serial number is registered ahead: the device counts from its first call on and does not wait.",
    ],
    [
        "序列号请用文本格式，否则表格软件会把长数字的末几位变成 0。",
        "序號請用文字格式，否則試算表軟體會把長數字的末幾位變成 0。",
        "Keep serial numbers as text, or the spreadsheet turns the last digits of long ones into zeros.",
    ],
    [
        "每张表最多 5000 行，文件最大 5 MB。",
        "每張表最多 5000 列，檔案最大 5 MB。",
        "At most 5,000 lines per sheet and 5 MB per file.",
    ],
];

pub(super) const YES: Said = ["是", "是", "yes"];
pub(super) const NEW_ONLY: Said = ["新增时", "新增時", "for new ones"];

pub(super) const MISTAKES_HEAD: [Said; 5] = [
    ["单元格", "儲存格", "Cell"],
    ["列", "欄", "Column"],
    ["填的是", "填的是", "Had"],
    ["应为", "應為", "Wanted"],
    ["问题", "問題", "Problem"],
];

/// Kinds of premises that have words in every language.
pub(super) const PREMISES: [(&str, Said); 18] = [
    ("building_material_market", ["建材市场", "建材市場", "Building-material market"]),
    ("lamp_shop", ["灯具店", "燈具店", "Lamp shop"]),
    ("furnishing_centre", ["家居卖场", "家居賣場", "Furnishing centre"]),
    ("appliance_centre", ["家电卖场", "家電賣場", "Appliance centre"]),
    ("mall", ["商场", "商場", "Mall"]),
    ("hardware_store", ["五金店", "五金店", "Hardware store"]),
    ("retail", ["零售店铺", "零售店鋪", "Retail shop"]),
    ("fire_equipment_dealer", ["消防器材经销店", "消防器材經銷店", "Fire-equipment dealer"]),
    ("market", ["集贸市场", "集貿市場", "Market"]),
    ("restaurant", ["餐饮店", "餐飲店", "Restaurant"]),
    ("hotel", ["宾馆", "賓館", "Hotel"]),
    ("workshop", ["作坊", "作坊", "Workshop"]),
    ("warehouse", ["仓库", "倉庫", "Warehouse"]),
    ("rented_house", ["出租屋", "出租屋", "Rented house"]),
    ("residential", ["住宅", "住宅", "Residential"]),
    ("office", ["办公楼", "辦公樓", "Office"]),
    ("school", ["学校", "學校", "School"]),
    ("hospital", ["医院", "醫院", "Hospital"]),
];

/// Kinds of loads that have words in every language.
pub(super) const LOADS: [(&str, Said); 16] = [
    ("lighting", ["照明", "照明", "Lighting"]),
    ("sockets", ["插座", "插座", "Sockets"]),
    ("air_conditioning", ["空调", "空調", "Air conditioning"]),
    ("kitchen", ["厨房", "廚房", "Kitchen"]),
    ("motor", ["动力", "動力", "Motors"]),
    ("refrigeration", ["冷库冷柜", "冷庫冷櫃", "Refrigeration"]),
    ("charging", ["充电", "充電", "Charging"]),
    ("incoming", ["进线", "進線", "Incoming feeder"]),
    ("mixed", ["混合", "混合", "Mixed"]),
    // These are never switched from afar: their words must become their codes.
    ("fire_pump", ["消防水泵", "消防水泵", "Fire pump"]),
    ("smoke_exhaust", ["防排烟风机", "防排煙風機", "Smoke exhaust fan"]),
    ("fire_lift", ["消防电梯", "消防電梯", "Fire-fighting lift"]),
    ("lift", ["电梯", "電梯", "Lift"]),
    ("medical", ["医疗设备", "醫療設備", "Medical equipment"]),
    ("emergency_lighting", ["应急照明", "應急照明", "Emergency lighting"]),
    ("fire_alarm", ["火灾报警设备", "火災報警設備", "Fire alarm equipment"]),
];

/// What a protocol is called.
pub(super) const fn protocol(protocol: Protocol) -> Said {
    match protocol {
        Protocol::Cloud7b7b => ["7B7B 云协议", "7B7B 雲通訊協定", "7B7B cloud protocol"],
        Protocol::ModbusRtu => ["DTU 透传 + Modbus-RTU", "DTU 透通 + Modbus-RTU", "DTU + Modbus-RTU"],
        Protocol::ModbusTcp => ["Modbus TCP", "Modbus TCP", "Modbus TCP"],
        Protocol::Dlt645 => ["DL/T 645", "DL/T 645", "DL/T 645"],
        Protocol::Gb26875 => ["GB/T 26875.3 用传装置", "GB/T 26875.3 用傳裝置", "GB/T 26875.3"],
        Protocol::Gateway1f1f => ["1F1F 网关", "1F1F 閘道", "1F1F gateway"],
        Protocol::Telemetry => {
            ["MQTT / HTTP / CoAP 遥测", "MQTT / HTTP / CoAP 遙測", "MQTT / HTTP / CoAP telemetry"]
        }
    }
}

/// A mistake's stable word.
pub(super) const fn code(wrong: &Wrong) -> &'static str {
    match wrong {
        Wrong::Missing => "missing",
        Wrong::Unknown => "unknown",
        Wrong::NotANumber => "not_a_number",
        Wrong::NotWhole => "not_whole",
        Wrong::OutOfRange { .. } => "out_of_range",
        Wrong::NotOneOrThree => "not_one_or_three",
        Wrong::TooLong { .. } => "too_long",
        Wrong::Ambiguous { .. } => "ambiguous",
        Wrong::Twice { .. } => "twice",
        Wrong::DependsOn { .. } => "depends_on",
        Wrong::Pair => "pair",
        Wrong::ProfileSpeaks { .. } => "wrong_protocol",
        Wrong::OtherProtocol { .. } => "other_protocol",
        Wrong::OtherProfile { .. } => "other_profile",
        Wrong::UnitWanted => "unit_wanted",
        Wrong::UnitUnwanted => "unit_unwanted",
        Wrong::MeterWanted => "meter_wanted",
        Wrong::ComponentWanted => "component_wanted",
        Wrong::PortWanted => "port_wanted",
        Wrong::AddressUnwanted => "address_unwanted",
        Wrong::Taken => "taken",
        Wrong::Refused => "refused",
        Wrong::MoveNeedsCircuit => "move_needs_circuit",
        Wrong::CellError => "cell_error",
        Wrong::DigitsLost => "digits_lost",
        Wrong::DateInstead => "date_instead",
        Wrong::ColumnMissing => "column_missing",
    }
}

/// What was wanted, as a sentence. `sheets` says what a sheet is called in the file.
pub(super) fn wanted(language: Language, wrong: &Wrong, sheets: impl Fn(Sheet) -> String) -> String {
    let fixed = |said: Said| say(language, said).to_owned();
    let three = |simplified: String, traditional: String, english: String| match language {
        Language::ZhCn => simplified,
        Language::ZhTw => traditional,
        Language::En => english,
    };
    match wrong {
        Wrong::Missing => fixed(["必须填写", "必須填寫", "something must be here"]),
        Wrong::Unknown => fixed([
            "文件里和平台里都没有，检查名称或从下拉列表里选",
            "檔案裡和平台裡都沒有，請檢查名稱或從下拉選單裡選",
            "neither in the file nor on the platform: check the name or choose from the list",
        ]),
        Wrong::NotANumber => fixed(["应为数字", "應為數字", "a number"]),
        Wrong::NotWhole => fixed(["应为整数", "應為整數", "a whole number"]),
        Wrong::OutOfRange { min, max } => three(
            format!("应在 {min} 到 {max} 之间"),
            format!("應在 {min} 到 {max} 之間"),
            format!("between {min} and {max}"),
        ),
        Wrong::NotOneOrThree => fixed(["应为 1 或 3", "應為 1 或 3", "1 or 3"]),
        Wrong::TooLong { max } => {
            three(format!("最多 {max} 个字"), format!("最多 {max} 個字"), format!("at most {max} characters"))
        }
        Wrong::Ambiguous { count } => three(
            format!("有 {count} 个同名的，请先改成不同的名称"),
            format!("有 {count} 個同名的，請先改成不同的名稱"),
            format!("{count} have this name: give them different names first"),
        ),
        Wrong::Twice { row } => three(
            format!("与第 {row} 行重复"),
            format!("與第 {row} 列重複"),
            format!("the same as line {row}"),
        ),
        Wrong::DependsOn { sheet, row } => {
            let name = sheets(*sheet);
            three(
                format!("先改正“{name}”第 {row} 行"),
                format!("先改正「{name}」第 {row} 列"),
                format!("put line {row} of {name} right first"),
            )
        }
        Wrong::Pair => {
            fixed(["经度和纬度要一起填", "經度和緯度要一起填", "longitude and latitude go together"])
        }
        Wrong::ProfileSpeaks { profile, terminal } => {
            let [profile, terminal] = [profile, terminal].map(|p| say(language, protocol(*p)));
            three(
                format!("这个型号走 {profile}，不能接在 {terminal} 的终端后面"),
                format!("這個型號走 {profile}，不能接在 {terminal} 的終端後面"),
                format!("this model speaks {profile} and cannot stand behind a terminal with {terminal}"),
            )
        }
        Wrong::OtherProtocol { known } => {
            let known = say(language, protocol(*known));
            three(
                format!("这个序列号已是 {known}"),
                format!("這個序號已是 {known}"),
                format!("this serial number is known with {known}"),
            )
        }
        Wrong::OtherProfile { known } => three(
            format!("这台探测器的型号是 {known}，型号不能通过导入更改"),
            format!("這台探測器的型號是 {known}，型號不能透過匯入更改"),
            format!("this detector is a {known}; the model cannot be changed by an import"),
        ),
        Wrong::UnitWanted => fixed([
            "应为 1 到 247 的 Modbus 地址",
            "應為 1 到 247 的 Modbus 位址",
            "a Modbus unit from 1 to 247",
        ]),
        Wrong::UnitUnwanted => fixed([
            "此协议没有 Modbus 地址，请留空",
            "此協定沒有 Modbus 位址，請留空",
            "nothing: this protocol has no Modbus units",
        ]),
        Wrong::MeterWanted => {
            fixed(["应为 12 位电表地址", "應為 12 位電表位址", "the 12 digits of the meter's address"])
        }
        Wrong::ComponentWanted => fixed([
            "应为“系统类型.系统地址/部件”，如 128.1/3；整个系统写 128.1",
            "應為「系統類型.系統位址/部件」，如 128.1/3；整個系統寫 128.1",
            "system type, system and component such as 128.1/3, or 128.1 for the whole system",
        ]),
        Wrong::PortWanted => fixed([
            "应为网关端口，如 1 或 01，或端口加地址，如 01003",
            "應為閘道器埠，如 1 或 01，或埠加位址，如 01003",
            "a port of the gateway such as 1 or 01, or port and address such as 01003",
        ]),
        Wrong::AddressUnwanted => fixed([
            "此协议没有子地址，请留空",
            "此協定沒有子位址，請留空",
            "nothing: this protocol has no addresses as text",
        ]),
        Wrong::Taken => {
            fixed(["这个序列号已被占用", "這個序號已被占用", "this serial number is used by another one"])
        }
        Wrong::Refused => fixed([
            "这台设备已被拒绝，先在“待接入”里恢复",
            "這台設備已被拒絕，先在「待接入」裡恢復",
            "this device was refused: restore it in the pending list first",
        ]),
        Wrong::MoveNeedsCircuit => fixed([
            "探测器换场所时要写明新场所的配电箱和回路",
            "探測器換場所時要寫明新場所的配電箱和迴路",
            "a detector moves to another site only with panel and circuit there",
        ]),
        Wrong::CellError => fixed([
            "单元格里是公式错误",
            "儲存格裡是公式錯誤",
            "a value: the cell holds an error of a formula",
        ]),
        Wrong::DigitsLost => fixed([
            "数字太长，表格已丢掉末几位：把单元格设为文本后重新填写",
            "數字太長，試算表已丟掉末幾位：把儲存格設為文字後重新填寫",
            "a text: the number is so long that the spreadsheet lost its last digits",
        ]),
        Wrong::DateInstead => fixed([
            "表格把它变成了日期：把单元格设为文本后重新填写",
            "試算表把它變成了日期：把儲存格設為文字後重新填寫",
            "a text: the spreadsheet turned it into a date",
        ]),
        Wrong::ColumnMissing => fixed(["缺少这一列", "缺少這一欄", "a column of this name"]),
    }
}

/// The sentence about a cell: which column, what was had, what was wanted.
pub(super) fn sentence(language: Language, column: &str, had: &str, wanted: &str) -> String {
    match (language, had.is_empty()) {
        (Language::ZhCn, true) => format!("{column}：{wanted}"),
        (Language::ZhCn, false) => format!("{column}填了“{had}”：{wanted}"),
        (Language::ZhTw, true) => format!("{column}：{wanted}"),
        (Language::ZhTw, false) => format!("{column}填了「{had}」：{wanted}"),
        (Language::En, true) => format!("{column}: wanted {wanted}"),
        (Language::En, false) => format!("{column}: had “{had}”, wanted {wanted}"),
    }
}
