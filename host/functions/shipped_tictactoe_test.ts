import tictactoe from "../../plugins/functions/tictactoe/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("tictactoe", tictactoe, ["signature", "better", "fuel", "better"]);
