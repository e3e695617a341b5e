//! Names as they are written, with a Latin form for addresses, and the places that go with them.

/// How a full name is put together.
#[derive(Clone, Copy)]
pub(super) enum Order {
    GivenFirst,
    FamilyFirst,
    /// Family name first, without a space.
    FamilyFirstJoined,
}

/// A written name and its Latin form.
type Name = (&'static str, &'static str);

/// Names and places that go together.
pub(super) struct Culture {
    /// A language tag with a region of two letters.
    pub(super) language: &'static str,
    pub(super) country: &'static str,
    pub(super) dialling: &'static str,
    pub(super) order: Order,
    pub(super) cities: &'static [&'static str],
    pub(super) given: &'static [Name],
    pub(super) family: &'static [Name],
}

#[rustfmt::skip]
pub(super) const CULTURES: &[Culture] = &[
    Culture {
        language: "en-GB", country: "United Kingdom", dialling: "+44", order: Order::GivenFirst,
        cities: &["London", "Leeds", "Stoke-on-Trent"],
        given: &[("Olivia", "olivia"), ("Noah", "noah"), ("Siân", "sian"), ("Zoë", "zoe"), ("Femi", "femi"), ("Priya", "priya"), ("Jo", "jo")],
        family: &[("Taylor", "taylor"), ("O’Connor", "oconnor"), ("Smith-Okonkwo", "smithokonkwo"), ("Ng", "ng"), ("Featherstonehaugh", "featherstonehaugh"), ("Brontë", "bronte")],
    },
    Culture {
        language: "de-DE", country: "Deutschland", dialling: "+49", order: Order::GivenFirst,
        cities: &["Köln", "München", "Bad Königshofen im Grabfeld"],
        given: &[("Jürgen", "juergen"), ("Anneliese", "anneliese"), ("Björn", "bjoern"), ("Käthe", "kaethe"), ("Uwe", "uwe"), ("Hans-Jörg", "hansjoerg"), ("Mia", "mia")],
        family: &[("Müller", "mueller"), ("Weiß", "weiss"), ("Schröder", "schroeder"), ("von der Heydt", "vonderheydt"), ("Groß-Lüdenscheid", "grossluedenscheid"), ("Öztürk", "oeztuerk")],
    },
    Culture {
        language: "fr-FR", country: "France", dialling: "+33", order: Order::GivenFirst,
        cities: &["Paris", "Orléans", "Saint-Étienne"],
        given: &[("Élodie", "elodie"), ("François", "francois"), ("Anaïs", "anais"), ("Jean-Baptiste", "jeanbaptiste"), ("Chloé", "chloe"), ("Loïc", "loic")],
        family: &[("Lefèvre", "lefevre"), ("D’Aubigné", "daubigne"), ("Béranger", "beranger"), ("Nguyen", "nguyen"), ("Çelik", "celik"), ("de La Tour", "delatour")],
    },
    Culture {
        language: "pl-PL", country: "Polska", dialling: "+48", order: Order::GivenFirst,
        cities: &["Łódź", "Kraków", "Gdańsk"],
        given: &[("Łukasz", "lukasz"), ("Małgorzata", "malgorzata"), ("Zbigniew", "zbigniew"), ("Żaneta", "zaneta"), ("Bożena", "bozena")],
        family: &[("Wiśniewska", "wisniewska"), ("Brzęczyszczykiewicz", "brzeczyszczykiewicz"), ("Dąbrowski", "dabrowski"), ("Żółć", "zolc")],
    },
    Culture {
        language: "nb-NO", country: "Norge", dialling: "+47", order: Order::GivenFirst,
        cities: &["Tromsø", "Ålesund", "Bodø"],
        given: &[("Åse", "ase"), ("Bjørn", "bjorn"), ("Sølvi", "solvi"), ("Håkon", "hakon"), ("Þóra", "thora")],
        family: &[("Ødegård", "odegard"), ("Bjørnstad", "bjornstad"), ("Sæther", "saether"), ("Guðmundsdóttir", "gudmundsdottir")],
    },
    Culture {
        language: "el-GR", country: "Ελλάδα", dialling: "+30", order: Order::GivenFirst,
        cities: &["Αθήνα", "Θεσσαλονίκη"],
        given: &[("Γιώργος", "giorgos"), ("Ελένη", "eleni"), ("Κωνσταντίνος", "konstantinos"), ("Αικατερίνη", "aikaterini")],
        family: &[("Παπαδόπουλος", "papadopoulos"), ("Νικολάου", "nikolaou"), ("Χατζηγιάννης", "chatzigiannis")],
    },
    Culture {
        language: "uk-UA", country: "Україна", dialling: "+380", order: Order::GivenFirst,
        cities: &["Київ", "Львів", "Кропивницький"],
        given: &[("Олексій", "oleksii"), ("Дар’я", "daria"), ("Юлія", "yuliia"), ("Святослав", "sviatoslav")],
        family: &[("Шевченко", "shevchenko"), ("Коваленко", "kovalenko"), ("Щербак", "shcherbak"), ("Їжакевич", "yizhakevych")],
    },
    Culture {
        language: "ar-EG", country: "مصر", dialling: "+20", order: Order::GivenFirst,
        cities: &["القاهرة", "الإسكندرية"],
        given: &[("محمد", "mohamed"), ("فاطمة", "fatma"), ("عبد الرحمن", "abdelrahman"), ("نور", "nour")],
        family: &[("السيد", "elsayed"), ("منصور", "mansour"), ("الشرقاوي", "elsharkawy"), ("حسن", "hassan")],
    },
    Culture {
        language: "he-IL", country: "ישראל", dialling: "+972", order: Order::GivenFirst,
        cities: &["תל אביב-יפו", "חיפה"],
        given: &[("נועה", "noa"), ("יוסף", "yosef"), ("שירה", "shira"), ("אברהם", "avraham")],
        family: &[("כהן", "cohen"), ("לוי", "levi"), ("בן-דוד", "bendavid"), ("מזרחי", "mizrahi")],
    },
    Culture {
        language: "hi-IN", country: "भारत", dialling: "+91", order: Order::GivenFirst,
        cities: &["मुंबई", "नई दिल्ली", "Bengaluru"],
        given: &[("प्रिया", "priya"), ("अमित", "amit"), ("लक्ष्मी", "lakshmi"), ("कृष्ण", "krishna")],
        family: &[("शर्मा", "sharma"), ("त्रिपाठी", "tripathi"), ("सिंह", "singh"), ("चट्टोपाध्याय", "chattopadhyay")],
    },
    Culture {
        language: "zh-CN", country: "中国", dialling: "+86", order: Order::FamilyFirstJoined,
        cities: &["上海", "深圳", "呼和浩特"],
        given: &[("伟", "wei"), ("秀英", "xiuying"), ("梓涵", "zihan"), ("𠮷祥", "jixiang")],
        family: &[("王", "wang"), ("李", "li"), ("欧阳", "ouyang"), ("张", "zhang")],
    },
    Culture {
        language: "ja-JP", country: "日本", dialling: "+81", order: Order::FamilyFirst,
        cities: &["東京", "大阪", "札幌"],
        given: &[("陽菜", "hina"), ("蓮", "ren"), ("さくら", "sakura"), ("健太郎", "kentaro")],
        family: &[("佐藤", "sato"), ("髙橋", "takahashi"), ("渡邊", "watanabe"), ("小鳥遊", "takanashi")],
    },
    Culture {
        language: "ko-KR", country: "대한민국", dialling: "+82", order: Order::FamilyFirstJoined,
        cities: &["서울", "부산"],
        given: &[("서연", "seoyeon"), ("민준", "minjun"), ("하은", "haeun"), ("지훈", "jihun")],
        family: &[("김", "kim"), ("이", "lee"), ("박", "park"), ("남궁", "namgung")],
    },
    Culture {
        language: "th-TH", country: "ประเทศไทย", dialling: "+66", order: Order::GivenFirst,
        cities: &["กรุงเทพมหานคร", "เชียงใหม่"],
        given: &[("สมชาย", "somchai"), ("ณัฐธิดา", "natthida"), ("ปรีชา", "pricha")],
        family: &[("ใจดี", "chaidee"), ("ศรีสุวรรณ", "srisuwan"), ("รัตนโกสินทร์", "rattanakosin")],
    },
];
