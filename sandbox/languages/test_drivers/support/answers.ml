module Codebudget = struct
  open! Stdlib

  let token = try input_line stdin with End_of_file -> ""

  let line text =
    print_string ("\n" ^ token ^ " " ^ text ^ "\n");
    flush stdout

  let rec show value =
    if Obj.is_int value then string_of_int (Obj.obj value)
    else
      let tag = Obj.tag value in
      if tag = Obj.string_tag then Printf.sprintf "%S" (Obj.obj value)
      else if tag = Obj.double_tag then number (Obj.obj value)
      else if tag = Obj.double_array_tag then
        "(" ^ String.concat ", " (List.map number (Array.to_list (Obj.obj value : float array))) ^ ")"
      else if tag < Obj.lazy_tag then
        let fields = List.init (Obj.size value) (fun place -> show (Obj.field value place)) in
        (if tag = 0 then "" else string_of_int tag) ^ "(" ^ String.concat ", " fields ^ ")"
      else Printf.sprintf "%S" (Marshal.to_string value [ Marshal.No_sharing; Marshal.Closures ])

  and number value = Printf.sprintf "%.17g" (value +. 0.)

  let answer value = line (show (Obj.repr value))
  let same (_ : unit -> 'a) (value : 'a) = value
end
