//! Tables as all commands print them.

use comfy_table::{LineStyle, Row, Table, presets};

/// Columns with these heads, and a rule between the heads and the rows alone.
pub fn table<T: Into<Row>>(heads: T) -> Table {
    let mut table = Table::new();
    table.load_style(
        presets::UTF8_HORIZONTAL_ONLY
            .top_border(LineStyle::none())
            .row_separator(LineStyle::none())
            .bottom_border(LineStyle::none()),
    );
    table.set_header(heads);
    table
}
