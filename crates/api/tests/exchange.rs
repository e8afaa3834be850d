//! Spreadsheets in and out: the template, the way round, mistakes by their cell, scopes, and files that are hostile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use bus::{Confirm, Intake, LiveKind, Outcome};
use domain::access::Role;
use domain::reading::{PointIndex, Quality, Reading, Sample};
use engine::Clock as _;
use platform::{MARK, World, cells, grant, workbook};
use serde_json::{Value, json};

const SITES: &[&str] = &["名称 *", "区划 *", "单位 *", "场所类型"];
const DETECTORS: &[&str] = &["序列号", "协议", "Modbus 地址", "型号", "名称", "场所", "配电箱", "回路"];

/// A file that makes one of everything.
fn everything() -> Vec<u8> {
    workbook(&[
        ("场所", &[SITES, &["合泰市场", "430203 芦淞区", "organisation OWNERS", "集贸市场"]]),
        ("配电箱", &[&["场所", "名称", "位置"], &["合泰市场", "一楼总箱", "东门"]]),
        (
            "回路",
            &[
                &["场所", "配电箱", "名称", "额定电流（A）", "相数", "负载类型"],
                &["合泰市场", "一楼总箱", "后厨插座", "32", "1", "插座"],
                &["合泰市场", "一楼总箱", "照明", "16", "1", "自己的词"],
            ],
        ),
        (
            "探测器",
            &[
                DETECTORS,
                &[
                    "20990000000001",
                    "7B7B 云协议",
                    "",
                    "arcm300-cloud",
                    "后厨",
                    "合泰市场",
                    "一楼总箱",
                    "后厨插座",
                ],
                &["dtu-1", "modbus_rtu", "3", "asj-relay", "照明", "合泰市场", "一楼总箱", "照明"],
                &["dtu-1", "", "4", "asj-relay", "备用", "合泰市场", "", ""],
            ],
        ),
    ])
}

async fn bring(world: &World, query: &str, file: &[u8]) -> Value {
    let answer = world.platform.upload(&format!("/exchange/import{query}"), Some(&world.admin), file).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

fn made(report: &Value, field: &str) -> Vec<i64> {
    report["sheets"].as_array().unwrap().iter().map(|sheet| sheet[field].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_the_real_one_everything() {
    let world = World::new().await;
    let file = everything();
    let dry = bring(&world, "", &file).await;
    assert_eq!(dry["mistakes"], json!([]), "{dry}");
    assert_eq!((dry["dry_run"].clone(), dry["applied"].clone()), (json!(true), json!(false)));
    assert_eq!(made(&dry, "created"), [1, 1, 2, 3]);
    let found = world.platform.get("/sites?q=%E5%90%88%E6%B3%B0", &world.admin).await.json();
    assert_eq!(found["items"], json!([]));

    let real = bring(&world, "?dry_run=false", &file).await;
    assert_eq!((made(&real, "created"), real["applied"].clone()), (vec![1, 1, 2, 3], json!(true)));
    let found = world.platform.get("/sites?q=%E5%90%88%E6%B3%B0", &world.admin).await.json();
    let site = &found["items"][0];
    assert_eq!((&site["premises_kind"], &site["area_code"]), (&json!("market"), &json!("430203")));
    let tree = world.platform.get(&format!("/sites/{}/tree", site["id"]), &world.admin).await.json();
    let circuits = tree["panels"][0]["circuits"].as_array().unwrap();
    let kitchen = circuits.iter().find(|c| c["name"] == "后厨插座").unwrap();
    assert_eq!((&kitchen["rated_current_a"], &kitchen["load_kind"]), (&json!(32.0), &json!("sockets")));
    assert_eq!(kitchen["detectors"][0]["name"], "后厨");
    assert_eq!(tree["unplaced_detectors"][0]["name"], "备用");
    let own = circuits.iter().find(|c| c["name"] == "照明").unwrap();
    assert_eq!(own["load_kind"], "自己的词");
    // Registered ahead: the terminal is known and admitted before it has called.
    let detector = world.platform.get("/detectors?q=20990000000001", &world.admin).await.json();
    let id = detector["items"][0]["id"].as_i64().unwrap();
    let detector = world.platform.get(&format!("/detectors/{id}"), &world.admin).await.json();
    assert_eq!(detector["serial"], "20990000000001");
    // And the pipeline knows it.
    assert!(world.platform.api.memory().detector(domain::id::DetectorId(id)).is_some());

    // The same again changes nothing.
    let again = bring(&world, "?dry_run=false", &file).await;
    assert_eq!((made(&again, "created"), made(&again, "updated")), (vec![0; 4], vec![0; 4]), "{again}");
    assert_eq!(made(&again, "unchanged"), [1, 1, 2, 3]);
    let audit = world.platform.get("/audit?action=exchange", &world.admin).await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 2);
    let verdict = world.platform.get("/audit/verify", &world.admin).await.json();
    assert_eq!(verdict["first_broken"], Value::Null);
}

#[tokio::test]
async fn an_export_comes_back_unchanged_and_its_changes_are_taken() {
    let world = World::new().await;
    bring(&world, "?dry_run=false", &everything()).await;
    for lang in ["zh-CN", "zh-TW", "en"] {
        let export = world.platform.get(&format!("/exchange/export.xlsx?lang={lang}"), &world.admin).await;
        assert_eq!(export.status, StatusCode::OK);
        // Two sites of the world have no panel, and one of each is there from the beginning.
        let report = bring(&world, "?dry_run=false", &export.bytes).await;
        assert_eq!(report["mistakes"], json!([]), "{lang} {report}");
        assert_eq!(made(&report, "unchanged"), [4, 2, 3, 4], "{lang}");
        assert_eq!((made(&report, "created"), made(&report, "updated")), (vec![0; 4], vec![0; 4]), "{lang}");
    }
    let changed = workbook(&[
        ("Sites", &[&["Name", "Phone"], &["合泰市场", "0731"]]),
        (
            "Circuits",
            &[&["Site", "Panel", "Name", "Rated current (A)"], &["合泰市场", "一楼总箱", "照明", "20"]],
        ),
        (
            "Detectors",
            &[
                &["Serial number", "Modbus unit", "Site", "Panel", "Circuit"],
                &["dtu-1", "4", "合泰市场", "一楼总箱", "后厨插座"],
            ],
        ),
    ]);
    let report = bring(&world, "?dry_run=false", &changed).await;
    assert_eq!(
        (report["mistakes"].clone(), made(&report, "updated")),
        (json!([]), vec![1, 0, 1, 1]),
        "{report}"
    );
    let detector = world.platform.get("/detectors?q=%E5%A4%87%E7%94%A8", &world.admin).await.json();
    assert_eq!(detector["items"][0]["circuit_name"], "后厨插座", "{detector}");
}

#[tokio::test]
async fn every_mistake_is_named_by_its_cell() {
    let world = World::new().await;
    let file = workbook(&[
        (
            "场所",
            &[
                SITES,
                &["甲", "430203", "organisation OWNERS", ""],
                &["乙", "999999", "organisation OWNERS", ""],
                &["甲", "430203", "organisation OWNERS", ""],
                &["丙", "430203", "", ""],
            ],
        ),
        (
            "回路",
            &[
                &["备注", "场所", "配电箱", "名称", "额定电流（A）", "相数"],
                &["", "甲", "没有的箱", "a", "32", "1"],
                &["", "乙", "箱", "b", "abc", "2"],
            ],
        ),
        (
            "探测器",
            &[
                DETECTORS,
                &["s1", "7B7B 云协议", "", "asj-relay", "x", "甲", "", ""],
                &["s2", "modbus_rtu", "", "asj-relay", "x", "甲", "", ""],
                &["s3", "modbus_rtu", "300", "asj-relay", "x", "甲", "", ""],
                &["INSIDE-refused", "", "", "arcm300-cloud", "x", "甲", "", ""],
                &["s5", "7B7B 云协议", "", "nothing", "", "甲", "", "回路"],
            ],
        ),
    ]);
    let report = bring(&world, "", &file).await;
    let mistakes: Vec<(String, String)> = report["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["cell"].as_str().unwrap().to_owned(), m["code"].as_str().unwrap().to_owned()))
        .collect();
    let wanted = [
        ("场所!B3", "unknown"),
        ("场所!A4", "twice"),
        ("场所!C5", "missing"),
        ("回路!C2", "unknown"),
        ("回路!B3", "depends_on"),
        ("回路!E3", "not_a_number"),
        ("回路!F3", "not_one_or_three"),
        ("探测器!D2", "wrong_protocol"),
        ("探测器!C3", "unit_wanted"),
        ("探测器!C4", "unit_wanted"),
        ("探测器!A5", "refused"),
        ("探测器!D6", "unknown"),
        ("探测器!E6", "missing"),
        ("探测器!G6", "missing"),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(cell, code)| ((*cell).to_owned(), (*code).to_owned())).collect();
    assert_eq!(mistakes, wanted);
    assert_eq!(report["mistakes"][5]["message"], "额定电流（A）填了“abc”：应为数字");
    assert_eq!(report["ignored_columns"], json!(["回路!A1: 备注"]));

    // All or nothing takes nothing; the good lines alone go in.
    let nothing = bring(&world, "?dry_run=false", &file).await;
    assert_eq!(nothing["applied"], false);
    let good = bring(&world, "?dry_run=false&mode=good_lines&lang=en", &file).await;
    assert_eq!((good["applied"].clone(), made(&good, "created")), (json!(true), vec![1, 0, 0, 0]));
    assert_eq!(
        good["mistakes"][0]["message"],
        "Area: had “999999”, wanted neither in the file nor on the platform: check the name or choose from the list"
    );

    let list = world.platform.upload("/exchange/mistakes.xlsx", Some(&world.admin), &file).await;
    let sheets = cells(&list.bytes);
    assert_eq!(sheets[0].1[0], ["单元格", "列", "填的是", "应为", "问题"]);
    // 甲 is there now, so that its second line is the one mistake less.
    assert!(sheets[0].1.iter().any(|row| row[0] == "回路!E3" && row[2] == "abc"), "{sheets:?}");
}

#[tokio::test]
async fn numbers_that_lost_digits_and_dates_are_told() {
    let world = World::new().await;
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("探测器").unwrap();
    for (column, title) in (0u16..).zip(DETECTORS) {
        sheet.write_string(0, column, *title).unwrap();
    }
    sheet.write_number(1, 0, 89_860_000_000_000_000_001.0).unwrap();
    sheet.write_number(2, 0, 20_990_000_000_001.0).unwrap();
    let date = rust_xlsxwriter::Format::new().set_num_format("m-d");
    sheet.write_number_with_format(3, 0, 46_000.0, &date).unwrap();
    for row in 1..4 {
        for (column, text) in
            [(1, "7B7B 云协议"), (3, "arcm300-cloud"), (4, "x"), (5, &format!("site {MARK}"))]
        {
            sheet.write_string(row, column, text).unwrap();
        }
    }
    let report = bring(&world, "", &book.save_to_buffer().unwrap()).await;
    let mistakes: Vec<_> = report["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["cell"].clone(), m["code"].clone()))
        .collect();
    assert_eq!(
        mistakes,
        [(json!("探测器!A2"), json!("digits_lost")), (json!("探测器!A4"), json!("date_instead")),]
    );
    assert_eq!(made(&report, "created"), [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_neighbour_neither_reads_nor_changes_what_is_inside() {
    let world = World::new().await;
    let grant = grant(Role::Electrician, Some(world.outside), None);
    let stranger = world.platform.account("stranger", vec![grant]).await;
    let export = world.platform.get("/exchange/export.xlsx", &stranger).await;
    let sheets = cells(&export.bytes);
    assert_eq!(sheets[0].1.len(), 2, "the head and the one site far away: {:?}", sheets[0]);
    let site = format!("site {MARK}");
    let file = workbook(&[
        ("配电箱", &[&["场所", "名称"], &[&site, "x"], &["far away", "ours"]]),
        (
            "探测器",
            &[DETECTORS, &[&format!("{MARK}-terminal"), "", "9", "arcm300-cloud", "x", "far away", "", ""]],
        ),
    ]);
    let answer =
        world.platform.upload("/exchange/import?dry_run=false&mode=good_lines", Some(&stranger), &file).await;
    let report = answer.json();
    let mistakes: Vec<_> = report["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["cell"].clone(), m["code"].clone()))
        .collect();
    assert_eq!(mistakes, [(json!("配电箱!A2"), json!("unknown")), (json!("探测器!A2"), json!("taken"))]);
    assert_eq!(made(&report, "created"), [0, 1, 0, 0]);
    let tree = world.platform.get(&format!("/sites/{}/tree", world.site), &world.admin).await.json();
    assert_eq!(tree["panels"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_workbook_is_refused() {
    let world = World::new().await;
    let post = async |bytes: &[u8]| {
        let answer = world.platform.upload("/exchange/import", Some(&world.admin), bytes).await;
        (answer.status, answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
    };
    let unfit = |code: &str| (StatusCode::UNPROCESSABLE_ENTITY, code.to_owned());
    assert_eq!(post(b"a,b\r\n1,2\r\n").await, unfit("not_a_workbook"));
    assert_eq!(post(&workbook(&[("other", &[&["x"]])])).await, unfit("no_sheets"));
    let mut torn = everything();
    torn.truncate(torn.len() / 2);
    assert_eq!(post(&torn).await, unfit("not_a_workbook"));
    assert_eq!(post(&vec![0; 5 * 1024 * 1024 + 1]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(&vec![0; 8 * 1024 * 1024]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("配电箱").unwrap();
    sheet.write_string(0, 0, "场所").unwrap();
    sheet.write_string(0, 1, "名称").unwrap();
    for row in 1..=5_001 {
        sheet.write_string(row, 1, "x").unwrap();
    }
    assert_eq!(post(&book.save_to_buffer().unwrap()).await, unfit("too_many_lines"));
    // A cell far out does not make a sheet of a million lines in memory.
    let sheet = book.add_worksheet();
    sheet.set_name("回路").unwrap();
    sheet.write_string(1_048_575, 16_383, "far").unwrap();
    let far = workbook(&[("回路", &[&["场所", "配电箱", "名称"]])]);
    assert_eq!(post(&far).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_template_explains_itself_in_the_readers_language() {
    let world = World::new().await;
    for (lang, names) in [
        ("zh-CN", ["场所", "配电箱", "回路", "探测器", "说明", "选项"]),
        ("en", ["Sites", "Panels", "Circuits", "Detectors", "Help", "Lists"]),
    ] {
        let template =
            world.platform.get(&format!("/exchange/template.xlsx?lang={lang}"), &world.admin).await;
        assert!(
            template.headers["content-disposition"].to_str().unwrap().contains("emberwatch-template.xlsx")
        );
        let sheets = cells(&template.bytes);
        assert_eq!(sheets.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
        assert!(sheets[5].1[0][0].starts_with("430000"), "{:?}", sheets[5].1[0]);
        // Empty as it is, it asks for nothing.
        let report = bring(&world, "", &template.bytes).await;
        assert_eq!((report["mistakes"].clone(), made(&report, "lines")), (json!([]), vec![0; 4]));
    }
}

/// A whole district: every site with its panel, its circuits and their detectors.
fn district(sites: usize, circuits: usize) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let mut sheet = |name: &str, rows: Vec<Vec<String>>| {
        let sheet = book.add_worksheet();
        sheet.set_name(name).unwrap();
        for (line, row) in (0u32..).zip(rows) {
            for (column, text) in (0u16..).zip(row) {
                sheet.write_string(line, column, text).unwrap();
            }
        }
    };
    let owned = |row: &[&str]| row.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let site = |at: usize| format!("市场 {at}");
    let mut all = [
        vec![owned(SITES)],
        vec![owned(&["场所", "名称"])],
        vec![owned(&["场所", "配电箱", "名称", "额定电流（A）"])],
        vec![owned(DETECTORS)],
    ];
    for at in 0..sites {
        let name = site(at);
        all[0].push(owned(&[&name, "430203", "organisation OWNERS", "集贸市场"]));
        all[1].push(owned(&[&name, "总箱"]));
        for circuit in 0..circuits {
            let (called, serial) = (format!("回路 {circuit}"), format!("D{at:04}{circuit:04}"));
            all[2].push(owned(&[&name, "总箱", &called, "32"]));
            all[3].push(owned(&[
                &serial,
                "7B7B 云协议",
                "",
                "arcm300-cloud",
                &called,
                &name,
                "总箱",
                &called,
            ]));
        }
    }
    for (name, rows) in ["场所", "配电箱", "回路", "探测器"].into_iter().zip(all) {
        sheet(name, rows);
    }
    book.save_to_buffer().unwrap()
}

/// Confirmed only when it is in the store.
async fn measures(world: &World) {
    let reading = Reading {
        detector: world.detector,
        group: 0,
        device_at: None,
        received_at: world.platform.clock.now(),
        samples: vec![Sample { point: PointIndex(0), raw: 1, quality: Quality::Good }],
        reported: Vec::new(),
    };
    let (confirm, told) = Confirm::pair();
    world.platform.intake.send(Intake::Readings { readings: vec![reading], confirm }).await.unwrap();
    assert_eq!(told.await.unwrap(), Outcome::Committed);
}

#[tokio::test]
async fn readings_are_confirmed_while_a_large_file_is_taken_in() {
    let circuits: usize = std::env::var("IMPORT_CIRCUITS").map_or(40, |said| said.parse().unwrap());
    let world = World::new().await;
    let file = district(10, circuits);
    let steps = 10 + 10 + 3 * 10 * circuits;
    let mut live = world.platform.api.live.subscribe(None).2;
    let begun = std::time::Instant::now();
    let dry = bring(&world, "", &file).await;
    assert_eq!(dry["mistakes"], json!([]));
    println!("{steps} steps checked in {:?}", begun.elapsed());
    let (mut confirmed, mut longest) = (0, std::time::Duration::ZERO);
    let mut slices = Vec::new();
    let mut hear = |slices: &mut Vec<usize>| {
        while let Ok(event) = live.try_recv() {
            if let LiveKind::Import { done, total, failed, .. } = &event.kind {
                assert_eq!((*total, *failed), (steps, false));
                slices.push(*done);
            }
        }
    };
    let begun = std::time::Instant::now();
    let import = bring(&world, "?dry_run=false", &file);
    tokio::pin!(import);
    let mut report = None;
    // What is answered before its end is followed to it.
    while slices.last() != Some(&steps) {
        let asked = std::time::Instant::now();
        let reading = measures(&world);
        tokio::pin!(reading);
        if report.is_none() {
            tokio::select! {
                said = &mut import => { report = Some(said); reading.await; }
                () = &mut reading => {}
            }
        } else {
            reading.await;
        }
        confirmed += 1;
        longest = longest.max(asked.elapsed());
        hear(&mut slices);
    }
    let report = match report {
        Some(report) => report,
        None => import.await,
    };
    println!("taken in within {:?}; {confirmed} readings confirmed, longest {longest:?}", begun.elapsed());
    let count = i64::try_from(10 * circuits).unwrap();
    assert_eq!(made(&report, "created"), [10, 10, count, count]);
    assert!(
        slices.is_sorted() && slices.len() >= steps / 100 && confirmed >= slices.len(),
        "{confirmed} {slices:?}"
    );
}
